"""Task files: one's own data as a task, described in a few lines of YAML.

A task file names its data, says which columns hold text and label, and gives the prompt::

    title: Support tickets
    train: tickets.csv            # or .jsonl; the path is relative to the task file
    text: body                    # a column; for several texts {premise: column, hypothesis: column}
    label: mood                   # a column
    template: "{text} It was {label}."
    words: {bad: terrible, good: great}   # label value: label word, in the order of the classes

`test:` names a second file; without it a fifth of the distinct rows, at most 1,000, is held out by a
fixed seed. Instead of `train:` and `test:`, `hub:` names a data set of the hub or a local folder laid
out like one, with `config:`, `revision:`, `train_split:` (by default train) and `test_split:`.
`title:`, `licence:`, `citation:`, `metric:` (accuracy or f1, of the second class) and `masked_template:`
(for masked models, with the same words) are optional. A training text that repeats an earlier one or is
also a test text is left out.
"""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from lintune.errors import FetchError, InputError, unknown_name
from lintune.metrics import METRICS, Metric
from lintune.tasks.prompt import Prompt
from lintune.tasks.splits import distinct, hold_out, without
from lintune.tasks.tables import HubData, Row, local_rows
from lintune.tasks.task import Examples, Source, Task, content_hash

_LOCAL_KEYS = ("train", "test")
_HUB_KEYS = ("hub", "config", "revision", "train_split", "test_split")
_REQUIRED_KEYS = ("text", "label", "template", "words")
_OPTIONAL_KEYS = ("title", "licence", "citation", "metric", "masked_template")
_KINDS: dict[str, type | tuple[type, ...]] = {"text": (str, dict), "words": dict}  # of the others: str
_MOST_HELD_OUT = 1000
_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = 200


@dataclass(frozen=True)
class TaskFile:
    """What a task file says, checked, with nothing of its data read yet.

    Attributes:
        path: The task file.
        settings: Its scalar entries by key, as text.
        columns: Column by text field.
        words: Label word by label value, in the order of the classes.
    """

    path: Path
    settings: Mapping[str, str]
    columns: Mapping[str, str]
    words: Mapping[str, str]

    @property
    def prompt(self) -> Prompt:
        """Template and label words."""
        return Prompt(self.settings["template"], tuple(self.words.values()))

    @property
    def masked_prompt(self) -> Prompt | None:
        """Template for masked models with the same label words; None where the file gives none."""
        template = self.settings.get("masked_template")
        return None if template is None else Prompt(template, tuple(self.words.values()))

    @property
    def metric(self) -> Metric:
        """How predictions are scored."""
        return cast(Metric, self.settings.get("metric", "accuracy"))


def load_file(path: Path) -> Task:
    """Return the task that a task file describes.

    Args:
        path: A YAML file as described above.

    Raises:
        InputError: The file or its data are wrong; the message says where and what would be accepted.
        FetchError: A hub's data set cannot be loaded, or a file cannot be read from the disk.
    """
    file = read_task_file(path)
    train, test, note = _splits(file)
    title = file.settings.get("title", path.stem)
    source = Source(
        licence=file.settings.get("licence", "not stated"),
        citation=file.settings.get("citation", ""),
        note=note,
        sha256=content_hash(train, test),
    )
    return Task(
        path.stem,
        title,
        tuple(file.words),
        file.prompt,
        train,
        test,
        source,
        masked_prompt=file.masked_prompt,
        metric=file.metric,
    )


def read_task_file(path: Path) -> TaskFile:
    """Return what a task file says, checked without opening its data.

    Args:
        path: A YAML file as described above.

    Raises:
        InputError: The file is not there or not YAML, a key is unknown, missing or of the wrong kind, a
            prompt is wrong, a template names a field that `text` lacks, or the metric is unknown or not
            for as many classes.
        FetchError: The file cannot be read from the disk.
    """
    entries = _entries(path)
    _check_keys(path, entries)
    text = entries["text"]
    columns = text if isinstance(text, dict) else {"text": text}
    settings = {key: value for key, value in entries.items() if key not in _KINDS}
    file = TaskFile(path, settings, columns, entries["words"])
    for prompt in _prompts(file):
        for field in prompt.fields:
            if field not in columns:
                raise unknown_name(f"{path.name}: slot", field, columns)
    _check_metric(file)
    return file


def _prompts(file: TaskFile) -> list[Prompt]:
    try:
        return [prompt for prompt in (file.prompt, file.masked_prompt) if prompt is not None]
    except InputError as error:
        raise InputError(f"{file.path.name}: {error}") from error


def _check_metric(file: TaskFile) -> None:
    if file.metric not in METRICS:
        raise unknown_name(f"{file.path.name}: metric", file.metric, METRICS)
    if file.metric == "f1" and len(file.words) != 2:
        raise InputError(f"{file.path.name}: metric='f1' is for two classes; words has {len(file.words)}.")


def _entries(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"task={str(path)!r}: there is no such task file.")
    try:
        # The base loader takes every scalar as text: a label value `no` or `1` stays what was written.
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        raise FetchError(f"{path} could not be read: {error}") from error
    # Beside its own error PyYAML lets through what Python says of a character that there is not.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(entries, dict):
        raise InputError(f"{path.name} must hold `key: value` lines; see lintune.tasks.files.")
    return entries


def _check_keys(path: Path, entries: Mapping[str, Any]) -> None:
    known = (*_LOCAL_KEYS, *_HUB_KEYS, *_REQUIRED_KEYS, *_OPTIONAL_KEYS)
    for key, value in entries.items():
        if key not in known:
            raise unknown_name(f"{path.name}: key", key, known)
        _check_value(path, key, value)
    if ("train" in entries) == ("hub" in entries):
        raise InputError(f"{path.name}: give either train (a file) or hub (a data set), one of the two.")
    kind, foreign = ("hub", _LOCAL_KEYS) if "hub" in entries else ("train", _HUB_KEYS)
    for key in foreign:
        if key in entries:
            raise InputError(f"{path.name}: {key} does not go with {kind}.")
    for key in _REQUIRED_KEYS:
        if key not in entries:
            raise InputError(f"{path.name}: {key} is missing; needed are {', '.join(_REQUIRED_KEYS)}.")


def _check_value(path: Path, key: str, value: object) -> None:
    """Refuse a value that is empty or of the wrong kind: `words` is a mapping, `text` may be one."""
    parts: list[Any] = [*value.keys(), *value.values()] if isinstance(value, dict) else [value]
    filled = bool(parts) and all(isinstance(part, str) and part for part in parts)
    if not filled or not isinstance(value, _KINDS.get(key, str)):
        accepted = {"words": "{label value: label word}", "text": "a column or {field: column}"}
        # Cut short: a few lines of YAML with aliases may stand for gigabytes of text.
        raise InputError(f"{path.name}: {key}={_SHORT.repr(value)} must be {accepted.get(key, 'one text')}.")
    for part in parts:
        _check_characters(f"{path.name}: {key}", part)


def _check_characters(where: str, text: str) -> None:
    """Refuse half a surrogate pair, which escapes in YAML and JSON can give and no tokeniser takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where} holds {text[error.start]!a}, which is no character.") from error


def _splits(file: TaskFile) -> tuple[Examples, Examples, str]:
    """Return the training and the test split, without a text in common, and a note on how they were made."""
    given = {split: _examples(file, rows, split) for split, rows in _rows(file).items()}
    unique = distinct(given["train"])
    if "test" in given:
        train, test, how = without(unique, given["test"]), given["test"], "as given"
    else:
        size = min(_MOST_HELD_OUT, len(unique) // 5)
        if size == 0:
            raise InputError(
                f"{file.path.name}: {len(unique)} distinct rows are too few to hold a fifth out."
            )
        (train, test), how = hold_out(unique, size), "held out by a fixed seed"
    left_out = sum(map(len, given.values())) - len(train) - len(test)
    origin = file.settings.get("train", file.settings.get("hub"))
    note = f"Rows of {origin}, the test split {how}; {left_out} training rows left out as they repeat a text."
    return train, test, note


def _rows(file: TaskFile) -> dict[str, list[Row]]:
    """Read the rows of every split that the task file gives."""
    settings, folder = file.settings, file.path.parent
    needed = [*file.columns.values(), settings["label"]]
    if "train" in settings:
        given = [split for split in _LOCAL_KEYS if split in settings]
        return {split: local_rows(folder / settings[split], needed) for split in given}
    local = folder / settings["hub"]
    name = str(local) if local.is_dir() else settings["hub"]
    data = HubData(name, settings.get("config"), settings.get("revision"))
    splits = {"train": settings.get("train_split", "train")}
    if "test_split" in settings:
        splits["test"] = settings["test_split"]
    return {split: data.rows(name, needed) for split, name in splits.items()}


def _examples(file: TaskFile, rows: Sequence[Row], split: str) -> Examples:
    where = f"{file.path.name}: {split} data"
    classes = list(file.words)
    if not rows:
        raise InputError(f"{where} has no rows.")
    labels = [_spelled(row[file.settings["label"]]) for row in rows]
    for number, label in enumerate(labels, start=1):
        if label not in file.words:
            raise unknown_name(f"{where}, row {number}: label", label, classes)
    for value in classes if split == "train" else ():
        if value not in labels:
            raise InputError(
                f"{where}: no row has the label {value!r} of words; found: {sorted(set(labels))}."
            )
    texts = {
        field: [_text(f"{where}, row {number}", column, row) for number, row in enumerate(rows, start=1)]
        for field, column in file.columns.items()
    }
    return Examples.from_columns(texts, [classes.index(label) for label in labels])


def _text(where: str, column: str, row: Row) -> str:
    text = row[column]
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: column {column!r} holds {_SHORT.repr(text)}, which is no text.")
    _check_characters(f"{where}: column {column!r}", text)
    return text.strip()


def _spelled(label: object) -> str:
    """Return a label value as one writes it in a task file: `true` for True, `1` for 1 and 1.0."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()
