"""What fuzzing found, or was feared, one by one: refused in words, never a stack trace, never executed."""

import json
import time
from pathlib import Path

import pytest

from lintune.errors import FetchError, InputError
from lintune.tasks import load
from pipeline import parameters, profiles, sources
from trials.targets import CELL, NOTEBOOK, ROWS, TASK

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
)


def task(folder: Path, description: str = TASK, rows: bytes = ROWS.encode(), suffix: str = "csv") -> Path:
    path = folder / "mine.yml"
    path.write_text(description.replace("train.csv", f"train.{suffix}"), encoding="utf-8")
    (folder / f"train.{suffix}").write_bytes(rows)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        load(path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("description", "complaint"),
    [
        (BOMB + "title: *a29\n", "mine.yml"),
        ("title: &a0 [x, x]\ntext: [*a0, *a0]\n", "mine.yml: title=['x', 'x'] must be one text"),
        ("title: &a [*a]", "mine.yml is not YAML"),
        ("[" * 5000, "mine.yml is not YAML"),
        ("{a: " * 5000, "mine.yml is not YAML"),
        ('title: "\\U00110000"', "mine.yml is not YAML"),
        (TASK.replace("terrible", '"\\ud800"'), r"mine.yml: words holds '\ud800', which is no character"),
        (TASK.replace("{text} It", "{text!r} It"), "mine.yml: template="),
        (TASK.replace("{label}", "{label.__class__}"), "mine.yml: template="),
        (TASK.replace("good: great", "good: ' great'"), "mine.yml: words="),
        (TASK.replace("terrible", "great"), "mine.yml: words="),
        (f"{'k' * 1000}: 1", "mine.yml: key="),
        ("title: !!python/object/apply:os.system [exit]", "mine.yml"),
    ],
)
def test_task_files_are_refused_by_name(tmp_path: Path, description: str, complaint: str) -> None:
    began = time.monotonic()
    path = task(tmp_path)
    path.write_text(description, encoding="utf-8")
    assert complaint in refusal(path)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("rows", "suffix", "complaint"),
    [
        ("body,mood,mood\nx,good,bad\n", "csv", "train.csv: the first line names the column 'mood' twice"),
        ("body,mood\nx\n", "csv", "train.csv, line 2: not as many cells"),
        ('body,mood\n"x,good\n', "csv", "train.csv, after line"),
        (f"body,mood\n{'x' * 140_000},good\n", "csv", "field larger than field limit"),
        ("body;mood\nx;good\n", "csv", "train.csv: column='body' is not known"),
        (ROWS.replace("good", "3"), "csv", "label='3' is not known"),
        (ROWS.replace("ticket 3", ""), "csv", "holds '', which is no text"),
        ('{"body": "x", "mood": ' + "9" * 5000 + "}", "jsonl", "train.jsonl, line 1: not JSON"),
        ('{"body": ' + "[" * 100_000, "jsonl", "train.jsonl, line 1: not JSON"),
        (
            '{"body": {"a": ["x"]}, "mood": "bad"}\n{"body": "y", "mood": "good"}',
            "jsonl",
            "row 1: column 'body' holds",
        ),
        (
            '{"body": "x\\ud800", "mood": "bad"}\n{"body": "y", "mood": "good"}',
            "jsonl",
            r"'\ud800', which is no char",
        ),
        ('{"body": "x", "mood": NaN}', "jsonl", "label='nan' is not known"),
        ('["x", "good"]', "jsonl", "train.jsonl, line 1: a list, not a JSON object"),
    ],
)
def test_rows_are_refused_by_name(tmp_path: Path, rows: str, suffix: str, complaint: str) -> None:
    assert complaint in refusal(task(tmp_path, rows=rows.encode(), suffix=suffix))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-32"])
def test_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    rows = ROWS.replace("ticket 3", "tïcket 3").encode(encoding)
    assert "train.csv is not UTF-8 text" in refusal(task(tmp_path, rows=rows))


def test_a_byte_order_mark_and_a_nul_are_read(tmp_path: Path) -> None:
    rows = b"\xef\xbb\xbf" + ROWS.replace("ticket 3", "tic\0ket 3").encode()
    assert any("\0" in fields["text"] for fields in load(task(tmp_path, rows=rows)).train.fields)


def test_json_that_repeats_the_csv_gives_the_same_task(tmp_path: Path) -> None:
    lines = [line.split(",") for line in ROWS.splitlines()]
    rows = "\n".join(json.dumps(dict(zip(lines[0], line, strict=True))) for line in lines[1:])
    found = load(task(tmp_path, rows=rows.encode(), suffix="jsonl")).source.sha256
    assert found == load(task(tmp_path)).source.sha256


def test_a_file_that_the_disk_does_not_give_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = task(tmp_path)

    def broken(*_: object, **__: object) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    with pytest.raises(FetchError, match=r"mine\.yml could not be read: .*Input/output error"):
        load(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "one.md"
    path.write_text(NOTEBOOK % CELL)
    return path


@pytest.mark.parametrize(
    "assignment",
    [
        "shots=" + "[" * 100_000,
        "shots=" + "-" * 100_000 + "1",
        "shots={[]: 1}",
        "shots=" + "9" * 5000,
        "shots=\0",
    ],
)
def test_what_is_no_literal_is_text(source: Path, assignment: str) -> None:
    given = parameters.from_command_line(source, [assignment])
    assert given == {"shots": assignment.partition("=")[2]}
    with pytest.raises(InputError, match="is not of type int"):
        parameters.check(source, given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", float("inf")),
        ("rate", float("nan")),
        ("anything", [float("nan")]),
        ("anything", [{1, 2}]),
        ("anything", [b"x"]),
        ("anything", [(1, 2)]),
        ("by_name", {1: 2}),
        ("name", "\ud800"),
    ],
)
def test_what_a_record_cannot_say_is_refused_before_the_work(source: Path, name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"one.md: parameter {name}="):
        parameters.check(source, {name: value})


@pytest.mark.parametrize(
    "annotation",
    [
        "list[3]",
        "int[3]",
        "dict[int]",
        "5",
        "[int]",
        "int if 1 else str",
        "(lambda: int)()",
        "list.__class__",
        "int()",
    ],
)
def test_a_type_is_not_executed(tmp_path: Path, annotation: str) -> None:
    path = tmp_path / "odd.md"
    path.write_text(NOTEBOOK % f"shots: {annotation} = 1")
    with pytest.raises(InputError, match=r"odd\.md: type of parameter shots="):
        parameters.declared(path)


@pytest.mark.parametrize("default", ["{[]: 1}", "-" * 5000 + "1", "f()", "float('inf')", "1e999"])
def test_a_default_is_a_literal(tmp_path: Path, default: str) -> None:
    path = tmp_path / "odd.md"
    path.write_text(NOTEBOOK % f"shots: float = {default}")
    with pytest.raises(InputError, match=r"odd\.md"):
        parameters.declared(path)


def test_a_source_that_jupytext_does_not_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.md"
    path.write_text((NOTEBOOK % CELL).replace("myst", "my\x01st"))
    with pytest.raises(InputError, match=r"odd\.md is not a notebook that jupytext reads"):
        sources.read(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "aliases"),
        ("a: &a [*a]", "aliases"),
        ("[" * 5000, "not readable YAML"),
        ("a: 2020-13-45", "not readable YAML: month must be in 1..12"),
        ("a: !!python/object/apply:os.system [exit]", "not readable YAML"),
        ("a: !!bool x", "not readable YAML"),
        ("a: " + "9" * 5000, "not readable YAML"),
        ('a: "\\U00110000"', "not readable YAML"),
        ("{[1]: 2}", "not readable YAML"),
    ],
)
def test_yaml_of_parameters_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"mine\.yml") as refused:
        parameters.read_yaml(path)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "content", ["{1: {one: }, cpu: {one: }}", "{cpu: {one: 0}}", "{smoke: {one: false}}", "3"]
)
def test_odd_profiles_are_refused_by_name(source: Path, content: str) -> None:
    (source.parent / "profiles.yml").write_text(content)
    with pytest.raises(InputError):
        profiles.load("smoke", source.parent)
