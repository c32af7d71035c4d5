"""The tasks by hub name, from local copies: every one loads, and what is not as published is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from lintune.errors import FetchError, InputError
from lintune.tasks import few_shot, hub_names, load, names
from lintune.tasks.hub import load_hub
from tests.tasks import hub_copies

# Classes, text fields and metric of each task, and the split to test on.
TASKS: dict[str, tuple[int, tuple[str, ...], str, str]] = {
    "sst2": (2, ("text",), "accuracy", "dev"),
    "sst5": (5, ("text",), "accuracy", "test"),
    "cr": (2, ("text",), "accuracy", "test"),
    "mpqa": (2, ("text",), "accuracy", "test"),
    "subj": (2, ("text",), "accuracy", "test"),
    "agnews": (4, ("text",), "accuracy", "test"),
    "mnli": (3, ("premise", "hypothesis"), "accuracy", "validation_matched"),
    "qnli": (2, ("question", "sentence"), "accuracy", "validation"),
    "rte": (2, ("premise", "hypothesis"), "accuracy", "validation"),
    "mrpc": (2, ("first", "second"), "f1", "validation"),
    "qqp": (2, ("first", "second"), "f1", "validation"),
    "cola": (2, ("text",), "accuracy", "validation"),
}
MeddleWithRte = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.delenv("LINTUNE_DATASETS", raising=False)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hub_copies.write_all(tmp_path_factory.mktemp("hub"))


def test_every_task_is_tested() -> None:
    assert set(hub_names()) == set(TASKS)
    assert not set(hub_names()) & set(names())


@pytest.mark.parametrize("name", hub_names())
def test_a_copy_becomes_its_task(copies: Path, name: str) -> None:
    classes, fields, metric, test = TASKS[name]
    task = load(name, copies)
    assert (task.name, len(task.classes), task.metric) == (name, classes, metric)
    assert (len(task.train), len(task.test)) == (12, 6)
    for split, examples in (("train", task.train), (test, task.test)):
        assert all(tuple(one) == fields for one in examples.fields)
        for one, label in zip(examples.fields, examples.labels, strict=True):
            assert all(text.startswith(f"{split} {label} ") for text in one.values()), (
                "the label is that text's"
            )
    assert task.source.note.startswith("Standard, as published on the hub (")
    assert len(few_shot(task, 2, 0, 4).train) == 2 * classes


def test_class_names_are_in_the_order_of_the_ids(copies: Path) -> None:
    assert load("sst5", copies).classes == hub_copies.GRADES
    assert load("mnli", copies).classes == ("entailment", "neutral", "contradiction")
    assert load("mrpc", copies).classes == ("not equivalent", "equivalent")
    assert load("subj", copies).classes == ("objective", "subjective")
    assert load("agnews", copies).classes == ("world", "sports", "business", "technology")


def test_the_environment_names_the_copies_and_the_argument_wins(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINTUNE_DATASETS", str(copies))
    hashes = {load("rte").source.sha256, load("rte", copies).source.sha256}
    assert len(hashes) == 1
    with pytest.raises(InputError, match=f"copies='{tmp_path}' has no folder 'nyu-mll/glue'"):
        load("rte", tmp_path)
    monkeypatch.setenv("LINTUNE_DATASETS", str(tmp_path))
    with pytest.raises(InputError, match=f"LINTUNE_DATASETS='{tmp_path}' has no folder 'SetFit/subj'"):
        load("subj")


def test_without_copies_the_hub_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(name: str, config: str | None, **more: object) -> None:
        asked.append((name, config, more["split"]))
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(FetchError, match="hub='nyu-mll/glue', config 'rte', split 'train'.*no network"):
        load("rte")
    assert asked == [("nyu-mll/glue", "rte", "train")]


@pytest.fixture
def meddle_with_rte(tmp_path: Path) -> MeddleWithRte:
    """Return a function that writes RTE with other rows or another schema, and returns the copies."""

    def write(
        made: Mapping[str, hub_copies.Rows], label: Any = RIGHT, columns: tuple[str, ...] = COLUMNS
    ) -> Path:
        folder = tmp_path / "nyu-mll" / "glue"
        default = {split: hub_copies.rows(columns, 2, split, 6) for split in ("train", "validation")}
        for split, lines in {**default, **made}.items():
            hub_copies.write_split(folder / "rte", split, lines, columns, label)
        hub_copies.write_card(folder, [hub_copies.entry("rte", tuple(default), "rte")])
        return tmp_path

    return write


COLUMNS = ("sentence1", "sentence2")
RIGHT = datasets.ClassLabel(names=["entailment", "not_entailment"])


def pair(first: str | None, second: str | None, label: int | str | None) -> Mapping[str, object]:
    return {"sentence1": first, "sentence2": second, "label": label}


def test_training_texts_that_repeat_or_are_test_texts_are_left_out(meddle_with_rte: MeddleWithRte) -> None:
    tested = hub_copies.rows(COLUMNS, 2, "validation", 1)
    made = [pair("a", "b", 0), pair("a", "b", 1), pair("b", "a", 1), *tested, pair(" c ", " ", 0)]
    task = load("rte", meddle_with_rte({"train": made}))
    assert [tuple(one.values()) for one in task.train.fields] == [("a", "b"), ("b", "a")]
    assert task.train.labels.tolist() == [0, 1]
    assert len(task.test) == 6
    assert task.source.note.endswith(
        "3 rows left out: texts that repeat or are also test texts, and rows without text."
    )


GOOD = [pair("a", "b", 0), pair("c", "d", 1)]


@pytest.mark.parametrize(
    ("split", "made", "complaint"),
    [
        (
            "train",
            [*GOOD, pair("e", "f", -1)],
            "row 3: the label is -1: the labels of this split are held back",
        ),
        ("validation", [pair("e", "f", -1)], "row 1: the label is -1"),
        ("train", [*GOOD, pair("e", "f", None)], "row 3: label=None is not known.*Accepted: entailment"),
        ("validation", [*GOOD, pair(None, "f", 1)], "row 3: column 'sentence1' holds None, which is no text"),
        ("train", [], "no data"),
        ("train", [pair("a", "b", 1)], "no row is of the class 'entailment'"),
    ],
)
def test_rows_that_are_not_as_published_are_refused(
    meddle_with_rte: MeddleWithRte, split: str, made: hub_copies.Rows, complaint: str
) -> None:
    with pytest.raises(InputError, match=f"config 'rte', split '{split}'.*{complaint}"):
        load("rte", meddle_with_rte({split: made}))


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        (
            datasets.ClassLabel(names=["not_entailment", "entailment"]),
            "classes of 'label' are not_entailment, entailment; expected are entailment, not_entailment, in",
        ),
        (datasets.ClassLabel(names=["entailment", "not_entailment", "neither"]), "are .*, neither; expected"),
        (datasets.ClassLabel(names=["yes", "no"]), "are yes, no; expected are"),
        (
            datasets.Value("int64"),
            "the column 'label' is no ClassLabel; expected is one with the names entail",
        ),
    ],
)
def test_classes_that_are_not_as_published_are_refused(
    meddle_with_rte: MeddleWithRte, label: Any, complaint: str
) -> None:
    with pytest.raises(InputError, match=f"config 'rte', split 'train': .*{complaint}"):
        load("rte", meddle_with_rte({}, label))


def test_a_missing_column_is_named(meddle_with_rte: MeddleWithRte) -> None:
    with pytest.raises(
        InputError, match="column='sentence1' is not known.*Accepted: label, premise, sentence2"
    ):
        load("rte", meddle_with_rte({}, columns=("premise", "sentence2")))


def test_splits_that_do_not_fit_each_other_are_refused(
    meddle_with_rte: MeddleWithRte, tmp_path: Path
) -> None:
    meddle_with_rte({})
    other = hub_copies.rows(("question", "answer"), 2, "validation", 3)
    folder = tmp_path / "nyu-mll" / "glue" / "rte"
    hub_copies.write_split(folder, "validation", other, ("question", "answer"), RIGHT)
    with pytest.raises(InputError, match="(?s)config 'rte'.*cannot be read as one data set: .*column names"):
        load("rte", tmp_path)


def test_texts_that_are_numbers_are_refused(tmp_path: Path) -> None:
    folder = hub_copies.write_jsonl(
        tmp_path / "SetFit" / "subj", ("objective", "subjective"), ("train", "test")
    )
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text('{"text": 3, "label": 0}\n{"text": 4, "label": 1}\n')
    with pytest.raises(InputError, match="split 'train', row 1: column 'text' holds 3, which is no text"):
        load("subj", tmp_path)


def test_a_missing_split_and_a_missing_configuration_are_named(tmp_path: Path) -> None:
    hub_copies.write_jsonl(tmp_path / "SetFit" / "subj", ("objective", "subjective"), ("train",))
    with pytest.raises(InputError, match="split 'test'.*train"):
        load("subj", tmp_path)
    hub_copies.write_glue(tmp_path / "nyu-mll" / "glue", ["rte", "cola"])
    with pytest.raises(InputError, match="config 'mrpc'.*rte.*cola"):
        load("mrpc", tmp_path)


@pytest.mark.parametrize(
    ("name", "label", "complaint"),
    [
        ("sst2", "neutral", "row 3: label_text='neutral' is not known.*Accepted: negative, positive"),
        ("cr", "Positive", "row 3: label_text='Positive' is not known. Did you mean 'positive'"),
        ("subj", 2, "row 3: label=2 is not known. Accepted: 0, 1"),
        ("subj", -1, "row 3: the label is -1"),
    ],
)
def test_labels_of_copies_that_name_no_classes_are_among_the_expected(
    tmp_path: Path, name: str, label: int | str, complaint: str
) -> None:
    hub_copies.write_all(tmp_path)
    folder = {"sst2": "sst2", "cr": "SentEval-CR", "subj": "subj"}[name]
    train = tmp_path / "SetFit" / folder / "train.jsonl"
    lines = train.read_text().splitlines()
    column = "label" if isinstance(label, int) else "label_text"
    found = '"label": 0' if column == "label" else '"label_text": "negative"'
    spelled = str(label) if column == "label" else f'"{label}"'
    lines[2] = lines[2].replace(found, f'"{column}": {spelled}')
    train.write_text("\n".join(lines))
    with pytest.raises(InputError, match=complaint):
        load(name, tmp_path)


def test_labels_are_of_their_own_kind(copies: Path, tmp_path: Path) -> None:
    folder = hub_copies.write_parquet(
        tmp_path / "jxm" / "mpqa", ("sentence",), datasets.Value("float64"), ("train", "test")
    )
    assert folder.is_dir()
    with pytest.raises(InputError, match="row 1: label=0.0 is not known.*Accepted: 0, 1"):
        load("mpqa", tmp_path)
    assert np.bincount(load("mpqa", copies).train.labels).tolist() == [6, 6]


def test_an_unknown_task_is_answered_with_both_kinds() -> None:
    with pytest.raises(InputError, match="task='sst-2' is not known.*'sst2'.*Accepted: agnews, boolq.*trec"):
        load("sst-2")
    with pytest.raises(InputError, match="task='mr' is not known"):
        load_hub("mr")
