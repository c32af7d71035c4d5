"""Splits of labelled texts: without repetition, held out once, and few-shot draws by seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.tasks.task import Examples, Task

# All draws share one order of the test split, so that results of different seeds compare on the same texts.
_TEST_ORDER_SEED = 0


@dataclass(frozen=True, eq=False)
class FewShot:
    """A few-shot problem drawn from a task.

    Attributes:
        train: `(shots * C,)` training examples, class by class.
        test: Test examples; none of them is in `train`.
    """

    train: Examples
    test: Examples


def few_shot(task: Task, shots: int, seed: int, test_examples: int | None = None) -> FewShot:
    """Draw a balanced few-shot training set; the test set is the same for every seed.

    Training examples come without replacement from `task.train`, which shares no text with `task.test`.
    For one seed the draws are nested: more shots add examples and drop none. The test set is the
    beginning of one plain shuffle of `task.test` that depends on neither seed nor shots, so it has the
    class frequencies of the test split up to chance, and larger test sets contain the smaller ones.

    Args:
        task: The task.
        shots: Training examples per class, at least 1.
        seed: Seed of the draw, at least 0.
        test_examples: Size of the test set; the whole test split if None.

    Raises:
        InputError: `shots`, `seed` or `test_examples` is too small, a class has fewer training examples
            than `shots`, or the test split fewer than `test_examples`.
    """
    _check_draw(task, shots, seed, test_examples)
    rng = np.random.default_rng(seed)
    # A whole permutation of each class, whatever the shots: this is what makes the draws nested.
    members = [np.flatnonzero(task.train.labels == label) for label in range(len(task.classes))]
    drawn = np.concatenate([rng.permutation(places)[:shots] for places in members])
    shuffled = np.random.default_rng(_TEST_ORDER_SEED).permutation(len(task.test))
    return FewShot(task.train.take(drawn), task.test.take(shuffled[:test_examples]))


def _check_draw(task: Task, shots: int, seed: int, test_examples: int | None) -> None:
    if shots < 1:
        raise InputError(f"shots={shots} must be at least 1.")
    if seed < 0:
        raise InputError(f"seed={seed} must be at least 0.")
    if test_examples is not None and not 1 <= test_examples <= len(task.test):
        raise InputError(
            f"test_examples={test_examples} must be from 1 to {len(task.test)}, the size of the test split "
            f"of {task.name}."
        )
    counts = np.bincount(task.train.labels, minlength=len(task.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < shots:
        raise InputError(
            f"shots={shots} is more than class {task.classes[rarest]!r} of {task.name} has: "
            f"{counts[rarest]} training examples."
        )


def distinct(examples: Examples, key: Callable[[str], str] = str) -> Examples:
    """Return the examples without those whose texts repeat an earlier example's.

    Args:
        examples: Examples in order; of equal ones the first stays.
        key: What of a text counts when two are compared.
    """
    first: dict[tuple[str, ...], int] = {}
    for place, fields in enumerate(examples.fields):
        first.setdefault(tuple(map(key, _texts(fields))), place)
    return examples.take(list(first.values()))


def without(examples: Examples, others: Examples) -> Examples:
    """Return the examples whose texts are not among the others'.

    Args:
        examples: Examples in order, for instance a training split.
        others: For instance the test split.
    """
    taken = {_texts(fields) for fields in others.fields}
    kept = [place for place, fields in enumerate(examples.fields) if _texts(fields) not in taken]
    return examples.take(kept)


def hold_out(examples: Examples, size: int, seed: int = 0) -> tuple[Examples, Examples]:
    """Return a training and a test split, both shuffled.

    Args:
        examples: Examples without repetition (see `distinct`), so that the splits share no text.
        size: Size of the test split.
        seed: Seed of the shuffle.

    Raises:
        InputError: The test split would be empty or leave nothing to train on.
    """
    if not 1 <= size < len(examples):
        raise InputError(f"size={size} must be at least 1 and below {len(examples)}, the number of examples.")
    order = np.random.default_rng(seed).permutation(len(examples))
    return examples.take(order[size:]), examples.take(order[:size])


def _texts(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(text for _, text in sorted(fields.items()))
