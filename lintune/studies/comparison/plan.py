"""How the methods are compared: sizes, and how hard each is tried."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lintune.errors import InputError
from lintune.studies.rates import check


@dataclass(frozen=True)
class Plan:
    """What is done with every method.

    Attributes:
        depth: On the linear layers of how many blocks, from the top, each method is put.
        rank: Rank of the low-rank methods; alpha is twice the rank throughout.
        count: Rows, and columns, of RoCoFT.
        examples: Training examples of a draw, at most, the same number of each class.
        validation_examples: Examples to choose the learning rate by, likewise; none is trained on.
        test_examples: Test examples, looked at with the chosen rate alone.
        steps: Steps of Adam.
        batch: Examples in a step.
        rates: The coarse learning rates, ascending.
        finer: The factor by which the two finer rates lie above and below the best coarse one.
        search_draws: The rate is chosen on the first draws, so many; kernels are of the same ones.
        rounds: Steps of every method that are timed; 0 for no times.
        memory: Whether the memory of a step is measured.
        longest: Prompts are cut to this many tokens.
    """

    depth: int = 2
    rank: int = 8
    count: int = 3
    examples: int = 32
    validation_examples: int = 32
    test_examples: int = 100
    steps: int = 24
    batch: int = 8
    rates: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1)
    finer: float = math.sqrt(10)
    search_draws: int = 2
    rounds: int = 5
    memory: bool = True
    longest: int = 256

    def __post_init__(self) -> None:
        """Refuse sizes and rates that are none."""
        least = dict.fromkeys(("depth", "rank", "count", "examples", "validation_examples"), 1)
        least |= dict.fromkeys(("test_examples", "steps", "batch", "search_draws", "longest"), 1) | {
            "rounds": 0
        }
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InputError(f"{name}={getattr(self, name)} must be at least {bound}.")
        check(self.rates, self.finer)

    def shots(self, examples: int, classes: int) -> int:
        """Return how many examples of each class make up at most so many, at least 1."""
        return max(1, examples // classes)
