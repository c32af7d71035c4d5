"""Task files: one's own CSV, JSONL or hub data as a task, and every way to get the file wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from lintune.errors import FetchError, InputError
from lintune.tasks import Prompt, few_shot, load
from lintune.tasks.files import read_task_file

ENTRIES: dict[str, Any] = {
    "train": "train.csv",
    "text": "body",
    "label": "mood",
    "template": "{text} It was {label}.",
    "words": {"bad": "terrible", "good": "great"},
}
ROWS = [(f"ticket {place}", "good" if place % 2 else "bad") for place in range(20)]

WriteTask = Callable[..., Path]


@pytest.fixture
def write_task(tmp_path: Path) -> WriteTask:
    """Return a function that writes a task file and its training rows; a key given as None is left out."""

    def write(rows: list[tuple[str, str]] = ROWS, **changes: object) -> Path:
        (tmp_path / "train.csv").write_text(csv(rows))
        path = tmp_path / "tickets.yml"
        entries = {key: value for key, value in {**ENTRIES, **changes}.items() if value is not None}
        path.write_text(yaml.safe_dump(entries, sort_keys=False))
        return path

    return write


def csv(rows: list[tuple[str, str]]) -> str:
    return "body,mood\n" + "".join(f"{body},{mood}\n" for body, mood in rows)


def test_a_csv_becomes_a_task(write_task: WriteTask) -> None:
    path = write_task(title="Support tickets", licence="CC0", citation="me2026tickets")
    task = load(path)
    assert (task.name, task.title) == ("tickets", "Support tickets")
    assert (task.classes, task.prompt.words) == (("bad", "good"), ("terrible", "great"))
    assert (task.source.licence, task.source.citation) == ("CC0", "me2026tickets")
    assert (len(task.train), len(task.test)) == (16, 4)
    mood = dict(ROWS)
    for split in (task.train, task.test):
        assert [task.classes[label] for label in split.labels] == [mood[one["text"]] for one in split.fields]
    assert load(str(path)).source.sha256 == task.source.sha256
    assert len(few_shot(task, 3, 0).train) == 6


def test_what_is_optional_has_a_default(write_task: WriteTask) -> None:
    task = load(write_task())
    assert (task.title, task.source.licence, task.source.citation) == ("tickets", "not stated", "")


def test_a_metric_and_a_template_for_masked_models(write_task: WriteTask) -> None:
    task = load(write_task(metric="f1", masked_template="{label}: {text}"))
    assert task.metric == "f1"
    assert task.prompt_for("masked") == Prompt("{label}: {text}", ("terrible", "great"))
    assert task.prompt_for("causal").template == ENTRIES["template"]
    plain = load(write_task())
    assert (plain.metric, plain.masked_prompt) == ("accuracy", None)


def test_a_test_file_is_kept_whole_and_out_of_training(write_task: WriteTask, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(csv([("new", "bad"), ("ticket 0", "bad"), ("new", "bad")]))
    task = load(write_task([*ROWS, ("ticket 1", "good")], test="test.csv"))
    assert [fields["text"] for fields in task.test.fields] == ["new", "ticket 0", "new"]
    assert [fields["text"] for fields in task.train.fields] == [body for body, _ in ROWS[1:]]
    assert "2 training rows left out" in task.source.note


def test_repeated_rows_are_not_held_out_from_themselves(write_task: WriteTask) -> None:
    task = load(write_task(ROWS * 3))
    train, test = ({fields["text"] for fields in split.fields} for split in (task.train, task.test))
    assert not train & test
    assert len(task.train) + len(task.test) == len(ROWS)


def test_jsonl_pairs_with_typed_labels(tmp_path: Path) -> None:
    rows = [{"s1": f"{{a}} {place}", "s2": "b", "entails": place % 3 > 0} for place in range(12)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "pairs.yaml"
    path.write_text(
        "train: pairs.jsonl\n"
        "text: {premise: s1, hypothesis: s2}\n"
        "label: entails\n"
        "template: '{premise}? {label}, {hypothesis}'\n"
        "words: {true: Yes, false: No}  # unquoted: other readers of YAML make truth values of them\n"
    )
    task = load(path)
    assert (task.classes, task.prompt.words) == (("true", "false"), ("Yes", "No"))
    expected = {f"{{a}} {place}": 1 if place % 3 == 0 else 0 for place in range(12)}
    for fields, label in zip(task.train.fields, task.train.labels, strict=True):
        assert fields["hypothesis"] == "b"
        assert expected[fields["premise"]] == label


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tittle": "Tickets"}, r"tickets.yml: key='tittle' is not known. Did you mean 'title'\?"),
        ({"train": None}, "give either train .* or hub"),
        ({"hub": "me/tickets"}, "give either train .* or hub"),
        ({"train_split": "train"}, "train_split does not go with train"),
        ({"train": None, "hub": "me/tickets", "test": "test.csv"}, "test does not go with hub"),
        ({"label": None}, "label is missing; needed are text, label, template, words"),
        (
            {"words": ["terrible", "great"]},
            r"words=\['terrible', 'great'\] must be {label value: label word}",
        ),
        ({"words": {}}, "words={} must be"),
        ({"words": {"bad": "terrible"}}, "at least two strings"),
        ({"words": {"bad": "great", "good": "great"}}, "'great' stands for two classes"),
        ({"text": ["body"]}, "must be a column or {field: column}"),
        ({"text": {"text": ""}}, "must be a column or {field: column}"),
        ({"title": ["Tickets"]}, "must be one text"),
        ({"template": "{text} It was great."}, r"has 0 \{label\} slots"),
        ({"template": "{body} It was {label}."}, "slot='body' is not known.*Accepted: text"),
        ({"masked_template": "{label}: {body}"}, "slot='body' is not known.*Accepted: text"),
        ({"masked_template": "{text}"}, r"has 0 \{label\} slots"),
        ({"metric": "F1"}, "tickets.yml: metric='F1' is not known. Did you mean 'f1'"),
        (
            {"metric": "f1", "words": {"bad": "terrible", "soso": "okay", "good": "great"}},
            "tickets.yml: metric='f1' is for two classes; words has 3",
        ),
    ],
)
def test_a_wrong_task_file_is_refused_before_its_data_are_read(
    write_task: WriteTask, tmp_path: Path, changes: Mapping[str, object], complaint: str
) -> None:
    path = write_task(**changes)
    (tmp_path / "train.csv").unlink()
    with pytest.raises(InputError, match=complaint):
        load(path)


@pytest.mark.parametrize("content", ["- a list", "just text", "", "train: [", "\x00"])
def test_what_is_no_task_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tickets.yml"
    path.write_text(content)
    with pytest.raises(InputError, match="tickets.yml"):
        load(path)


def test_a_missing_task_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone.yml.*no such task file"):
        load(tmp_path / "gone.yml")


@pytest.mark.parametrize(
    ("rows", "changes", "complaint"),
    [
        (ROWS, {"train": "gone.csv"}, "gone.csv does not exist"),
        (ROWS, {"test": "gone.csv"}, "gone.csv does not exist"),
        (ROWS, {"text": "bodi"}, r"train.csv: column='bodi' is not known. Did you mean 'body' "),
        (ROWS, {"label": "moods"}, r"train.csv: column='moods' is not known. Did you mean 'mood'\?"),
        ([*ROWS, ("x", "godo")], {}, r"train data, row 21: label='godo' is not known. Did you mean 'good'\?"),
        ([*ROWS, ("  ", "bad")], {}, "train data, row 21: column 'body' holds '  ', which is no text"),
        ([], {}, "train data has no rows"),
        (ROWS[:1] * 9, {}, "no row has the label 'good' of words"),
        (ROWS[:2] * 2, {}, "2 distinct rows are too few"),
    ],
)
def test_wrong_data_are_refused(
    write_task: WriteTask, rows: list[tuple[str, str]], changes: Mapping[str, object], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        load(write_task(rows, **changes))


@pytest.mark.parametrize("text", [None, 3, ["a"]])
def test_a_text_is_text(tmp_path: Path, write_task: WriteTask, text: object) -> None:
    rows = [{"body": "a", "mood": "good"}, {"body": text, "mood": "bad"}]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match="row 2: column 'body' holds .* no text"):
        load(write_task(train="train.jsonl"))


def test_label_values_stay_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(
        "train: a.csv\ntext: t\nlabel: l\ntemplate: '{text} {label}'\nwords: {no: No, 01: One, 1.0: Two}\n"
    )
    assert list(read_task_file(path).words.items()) == [("no", "No"), ("01", "One"), ("1.0", "Two")]


@pytest.fixture
def hub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder laid out as on the hub: Parquet files, and a README that names the configurations."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "tickets"
    (folder / "data").mkdir(parents=True)
    moods = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features(
        {"body": datasets.Value("string"), "mood": moods, "id": datasets.Value("int64")}
    )
    splits = {"train": range(20), "validation": range(100, 108)}
    for split, places in splits.items():
        rows = [{"body": f"ticket {place}", "mood": place % 2, "id": place} for place in places]
        datasets.Dataset.from_list(rows, features=features).to_parquet(folder / "data" / f"{split}.parquet")
    files = [{"split": split, "path": f"data/{split}.parquet"} for split in splits]
    card = {"configs": [{"config_name": "english", "data_files": files}]}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n# Tickets\n")
    return folder


def hub_entries(**changes: object) -> dict[str, object]:
    words = {"0": "terrible", "1": "great"}
    return {"train": None, "hub": "tickets", "config": "english", "words": words, **changes}


def test_a_hub_data_set_becomes_a_task(write_task: WriteTask, hub_folder: Path) -> None:
    task = load(write_task(**hub_entries(test_split="validation")))
    assert (len(task.train), len(task.test)) == (20, 8)
    assert task.train.fields[3] == {"text": "ticket 3"}
    assert task.train.labels.tolist() == [0, 1] * 10


def test_a_hub_data_set_without_a_test_split(write_task: WriteTask, hub_folder: Path) -> None:
    task = load(write_task(**hub_entries(train_split="validation", hub=str(hub_folder))))
    assert (len(task.train), len(task.test)) == (7, 1)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"test_split": "test"}, "split 'test'.*train.*validation"),
        ({"config": "french"}, "french.*english"),
        ({"text": "bodi"}, r"column='bodi' is not known. Did you mean 'body' "),
        ({"words": {"bad": "terrible", "good": "great"}}, "label='0' is not known.*Accepted: bad, good"),
    ],
)
def test_a_wrong_hub_entry_is_refused(
    write_task: WriteTask, hub_folder: Path, changes: Mapping[str, object], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        load(write_task(**hub_entries(**changes)))


def test_a_hub_data_set_that_is_not_there(write_task: WriteTask, hub_folder: Path) -> None:
    with pytest.raises(FetchError, match="hub='nobody/nothing'.*could not be loaded"):
        load(write_task(**hub_entries(hub="nobody/nothing")))
