"""A task: labelled texts in two splits, the classes, the prompt, and where all of it comes from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError, unknown_name
from lintune.metrics import METRICS, Metric
from lintune.tasks.prompt import Prompt


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled texts, in a fixed order.

    Attributes:
        fields: `(n,)` the texts of each example by field name (`text`; `premise` and `hypothesis`; ...).
        labels: `(n,)` int64 class ids, read-only.
    """

    fields: tuple[Mapping[str, str], ...]
    labels: np.ndarray

    def __post_init__(self) -> None:
        """Check that there is one integer label for every text.

        Raises:
            InputError: Labels are not integers from 0 on, or not as many as the texts.
        """
        labels = np.asarray(self.labels)
        if labels.shape != (len(self.fields),):
            raise InputError(
                f"labels of shape {labels.shape} do not fit {len(self.fields)} texts, one for each."
            )
        if labels.size and (not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0):
            raise InputError(f"labels must be integers from 0 on, not {labels.dtype} from {labels.min()}.")
        # A copy of our own: nobody who holds the caller's array can change these labels.
        labels = labels.astype(np.int64)
        labels.setflags(write=False)
        object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "labels", labels)

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, Sequence[str]], labels: Sequence[int] | np.ndarray
    ) -> "Examples":
        """Build examples from one sequence of `(n,)` texts for each field.

        Args:
            columns: The texts by field name, all of the same length.
            labels: `(n,)` class ids.

        Raises:
            InputError: The lengths differ.
        """
        lengths = {name: len(texts) for name, texts in columns.items()}
        if len(set(lengths.values())) != 1:
            raise InputError(f"columns have lengths {lengths}; all must have as many texts.")
        rows = zip(*columns.values(), strict=True)
        return cls(tuple(dict(zip(columns, row, strict=True)) for row in rows), np.asarray(labels))

    @classmethod
    def from_fields(cls, fields: Sequence[Mapping[str, str]]) -> "Examples":
        """Build examples of unlabelled texts, to be predicted; all labels are 0 and mean nothing.

        Args:
            fields: `(n,)` the texts of each example by field name.
        """
        return cls(tuple(fields), np.zeros(len(fields), dtype=np.int64))

    def __len__(self) -> int:
        """Return the number of examples n."""
        return len(self.fields)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Examples":
        """Return the examples at these `(k,)` places, in that order.

        Raises:
            IndexError: A place is not there.
        """
        places = np.asarray(indices, dtype=np.int64)
        return Examples(tuple(self.fields[place] for place in places), self.labels[places])


@dataclass(frozen=True)
class Source:
    """Where a task's data come from and what one may do with them.

    Attributes:
        licence: Licence of the texts and labels as far as it is known.
        citation: BibTeX keys, separated by commas, as a `cite` role takes them; for one's own data
            whatever its owner wants cited.
        note: What the data are exactly: standard, derived or rebuilt, and how they were split.
        sha256: Hash of all texts and labels in order (see `content_hash`): equal hashes, equal data.
    """

    licence: str
    citation: str
    note: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Task:
    """A text classification task that a language model can be asked through a prompt.

    Attributes:
        name: Short name, as in `load(name)`.
        title: Name as printed in tables and figures; says so where the data are a derivative.
        classes: `(C,)` names of the classes, in the order of the class ids.
        prompt: Template and label words; a causal model sees only what precedes the label.
        train: Examples to draw training sets from.
        test: Held-out examples.
        source: Origin, licence, citation and hash of the data.
        masked_prompt: Template and label words for masked models; None where `prompt` serves both kinds.
        metric: How predictions are scored (`lintune.metrics`): `accuracy`, or `f1` of class id 1.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    prompt: Prompt
    train: Examples
    test: Examples
    source: Source
    masked_prompt: Prompt | None = None
    metric: Metric = "accuracy"

    def __post_init__(self) -> None:
        """Check that classes, prompts, metric and examples fit each other.

        Raises:
            InputError: Class names repeat; there is not one label word for each class; a template
                names a field that the examples lack; a label is no class id; the metric is unknown, or
                F1 with more than two classes.
        """
        if len(set(self.classes)) != len(self.classes):
            raise InputError(f"classes={self.classes!r} must be distinct.")
        _check_metric(self.metric, self.classes)
        prompts = [prompt for prompt in (self.prompt, self.masked_prompt) if prompt is not None]
        for prompt in prompts:
            _check_count(prompt, self.classes)
        for split, examples in (("train", self.train), ("test", self.test)):
            for prompt in prompts:
                _check_fields(split, examples, prompt)
            if len(examples) and examples.labels.max() >= len(self.classes):
                highest = examples.labels.max()
                raise InputError(f"{split} holds label {highest}; there are {len(self.classes)} classes.")

    def prompt_for(self, kind: str) -> Prompt:
        """Return the prompt for a kind of model.

        Args:
            kind: `causal` or `masked`, as `Pretrained.kind`.

        Raises:
            InputError: An encoder has no language-modelling head and answers no prompt; another kind.
        """
        if kind == "encoder":
            raise InputError("kind='encoder' has no language-modelling head: it cannot answer a prompt.")
        if kind not in ("causal", "masked"):
            raise unknown_name("kind", kind, ("causal", "masked"))
        return self.masked_prompt or self.prompt if kind == "masked" else self.prompt


def _check_metric(metric: str, classes: tuple[str, ...]) -> None:
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    if metric == "f1" and len(classes) != 2:
        raise InputError(f"metric='f1' is for two classes; there are {len(classes)}: {classes!r}.")


def _check_count(prompt: Prompt, classes: tuple[str, ...]) -> None:
    if len(prompt.words) != len(classes):
        raise InputError(
            f"words={prompt.words!r}: {len(prompt.words)} label words for the {len(classes)} classes "
            f"{classes!r}; give one for each, in that order."
        )


def _check_fields(split: str, examples: Examples, prompt: Prompt) -> None:
    slots = prompt.fields
    for place, fields in enumerate(examples.fields):
        missing = [slot for slot in slots if slot not in fields]
        if missing:
            raise InputError(
                f"template={prompt.template!r} has the slot {missing[0]!r}, but example {place} of the "
                f"{split} split has the fields {', '.join(fields)}."
            )


def content_hash(train: Examples, test: Examples) -> str:
    """Return the SHA-256 of all texts and labels, in order, as lower-case hexadecimal.

    Args:
        train: Training split.
        test: Test split.
    """
    digest = hashlib.sha256()
    for examples in (train, test):
        for fields, label in zip(examples.fields, examples.labels.tolist(), strict=True):
            # Separators that no text holds in earnest: "ab" + "c" and "a" + "bc" must not hash alike.
            digest.update("\x1f".join((*fields.values(), f"{label}\x1e")).encode())
        digest.update(b"\x1d")
    return digest.hexdigest()
