"""What was asked of `lintune advise`."""

from dataclasses import dataclass
from typing import Literal

from lintune.advise import KINDS, Budget, Layers
from lintune.descent import Recipe
from lintune.errors import InputError, unknown_name


@dataclass(frozen=True)
class Request:
    """What was asked for, with the names and meanings that the command's options have.

    Attributes:
        budget: What training may cost.
        methods: Kinds of `lintune.advise.candidates`; empty for the usual ones.
        layers: None for the usual ones and all.
        depths: How many blocks are trained, from the top; empty for the usual runs.
        ranks: Ranks of LoRA; empty for the usual ones.
        batch: None for all examples.
        probe_steps: 0 for no probe.
    """

    task: str
    model: str
    kind: Literal["causal", "masked"] | None
    budget: Budget
    methods: tuple[str, ...]
    layers: Layers | None
    depths: tuple[int, ...]
    ranks: tuple[int, ...]
    steps: int
    batch: int | None
    shots: int
    seed: int
    test_examples: int
    probe_steps: int
    longest: int
    device: str
    dtype: str

    @property
    def recipe(self) -> Recipe:
        """How candidates would be trained, but for rate and strength."""
        return Recipe(
            1e-3, self.steps, loss="cross-entropy", optimiser="adam", batch=self.batch, seed=self.seed
        )


def check(request: Request) -> None:
    """Refuse what can be refused before anything is loaded.

    Raises:
        InputError: An unknown method, ranks where LoRA is left out, or a class with a single shot.
    """
    for method in request.methods:
        if method not in KINDS:
            raise unknown_name("method", method, KINDS)
    if request.ranks and request.methods and "lora" not in request.methods:
        raise InputError(
            f"rank={request.ranks[0]} is of lora; method={', '.join(request.methods)!r} leaves that out."
        )
    if request.shots < 2:
        raise InputError(
            f"shots={request.shots} must be at least 2: one of each class to learn from, one to test on."
        )
