"""Few-shot problems with examples to choose by: training, validation and test, without a text in common."""

from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.tasks import Examples, Task, few_shot


@dataclass(frozen=True, eq=False)
class Draw:
    """A few-shot problem.

    Attributes:
        seed: Seed of the draw.
        train: `(shots * C,)` training examples, class by class.
        validation: As many examples of each class again, or as many as were asked for.
        test: Test examples, the same for every seed.
    """

    seed: int
    train: Examples
    validation: Examples
    test: Examples


def draw(task: Task, shots: int, seed: int, test_examples: int, validation_shots: int | None = None) -> Draw:
    """Draw training and validation examples of a task; the training examples are those of `few_shot`.

    Args:
        task: The task.
        shots: Training examples per class.
        seed: Seed of the draw.
        test_examples: Number of test examples.
        validation_shots: Validation examples per class; None for as many as for training.

    Raises:
        InputError: Too few training examples of a class for both, or as `few_shot`.
    """
    more = shots if validation_shots is None else validation_shots
    for argument, count in (("shots", shots), ("validation_shots", more)):
        if count < 1:
            raise InputError(f"{argument}={count} must be at least 1.")
    counts = np.bincount(task.train.labels, minlength=len(task.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < shots + more:
        raise InputError(
            f"shots={shots} for training and {more} for validation are more than class "
            f"{task.classes[rarest]!r} of {task.name} has: {counts[rarest]} training examples."
        )
    both = few_shot(task, shots + more, seed, test_examples)
    # The draw goes class by class, and with more shots a class's first examples stay the same.
    place = np.arange(len(both.train)) % (shots + more)
    train, validation = np.flatnonzero(place < shots), np.flatnonzero(place >= shots)
    return Draw(seed, both.train.take(train), both.train.take(validation), both.test)
