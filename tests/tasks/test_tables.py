"""Rows of local files: what is read as it is, and which line is wrong."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.tasks.tables import local_rows


def write(folder: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


def test_csv_cells_are_text_as_written(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", '\ufeffbody,mood\r\n"NA, said\n""he""",1\r\nnull,01\r\n')
    rows = local_rows(path, ["body", "mood"])
    assert rows == [{"body": 'NA, said\n"he"', "mood": "1"}, {"body": "null", "mood": "01"}]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.just("text"), st.text(), min_size=1), min_size=1))
def test_jsonl_gives_back_what_was_written(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    path = write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n\n" for row in rows))
    assert local_rows(path, ["text"]) == rows


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "a.csv",
            "bodies,mood\nx,1\n",
            r"a.csv: column='body' is not known. Did you mean 'bodies' .*Accepted: bodies, mood",
        ),
        ("a.csv", "", "a.csv: column='body' is not known"),
        ("a.csv", "body,mood\nx,1\nx\n", "a.csv, line 3: not as many cells"),
        ("a.csv", "body,mood\nx,1,2\n", "a.csv, line 2: not as many cells"),
        ("a.csv", 'body,mood\n"x,1\n', "a.csv, after line 1: unexpected end"),
        ("a.jsonl", '{"body": "x"}\n{"bodi": "x"}\n', "a.jsonl, line 2: column='body' is not known"),
        ("a.jsonl", '{"body": "x"}\n{"body": \n', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", '["x"]\n', "a.jsonl, line 1: a list, not a JSON object"),
        ("a.tsv", "body\tmood\n", "neither a .csv nor a .jsonl file"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        local_rows(write(tmp_path, name, content), ["body"])


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        local_rows(write(tmp_path, "a.csv", "body\ncafé\n", "latin-1"), ["body"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone.csv does not exist"):
        local_rows(tmp_path / "gone.csv", ["body"])
