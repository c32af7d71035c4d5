"""How hard each cell of a sweep is tried: the same for every method."""

import math
from dataclasses import dataclass

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.rates import check
from lintune.tasks import Task


@dataclass(frozen=True)
class Effort:
    """How a method is trained on a draw, and how its learning rate is chosen.

    Attributes:
        examples: Training examples of a draw, at most, the same number of each class.
        validation_examples: Examples to choose the learning rate by, likewise; none is trained on.
        test_examples: Test examples, looked at with the chosen rate alone.
        steps: Steps of Adam.
        batch: Examples in a step; None for all.
        rates: The coarse learning rates, ascending.
        finer: The factor by which the two finer rates lie above and below the best coarse one.
        longest: Prompts are cut to this many tokens.
    """

    examples: int = 32
    validation_examples: int = 32
    test_examples: int = 200
    steps: int = 24
    batch: int | None = 8
    rates: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1)
    finer: float = math.sqrt(10)
    longest: int = 256

    def __post_init__(self) -> None:
        """Refuse sizes and rates that are none."""
        for name in ("examples", "validation_examples", "test_examples", "steps", "batch", "longest"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}={value} must be at least 1.")
        check(self.rates, self.finer)

    @property
    def trials(self) -> int:
        """Runs that the choice of a learning rate takes, the same for every method."""
        return len(self.rates) + 2

    def recipe(self, rate: float, seed: int) -> Recipe:
        """Return how to train with a rate; the seed is of the order of the examples."""
        return Recipe(rate, self.steps, loss="cross-entropy", optimiser="adam", batch=self.batch, seed=seed)

    def draw(self, task: Task, seed: int) -> Draw:
        """Return the examples of a seed.

        Raises:
            InputError: Fewer examples than classes, or more than the task has.
        """
        count = len(task.classes)
        for name in ("examples", "validation_examples"):
            if getattr(self, name) < count:
                raise InputError(f"{name}={getattr(self, name)} must be at least {count}, one of each class.")
        shots, more = self.examples // count, self.validation_examples // count
        return draw(task, shots, seed, self.test_examples, more)
