"""What training a candidate costs, from what the capture cost: time, and what is trained."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lintune.advise.candidates import Candidate
from lintune.errors import InputError
from lintune.prompted import PromptedModel
from lintune.tangents import blocks_of
from lintune.tasks import Examples

# Examples whose forward pass is timed.
_TIMED = 8


@dataclass(frozen=True)
class Budget:
    """What training may cost; None for as much as it takes.

    Attributes:
        parameters: Most trained parameters.
        seconds: Most seconds of training.
    """

    parameters: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse a budget that is none."""
        for name, value in (("parameters", self.parameters), ("seconds", self.seconds)):
            if value is not None and not value > 0:
                raise InputError(f"budget: {name}={value} must be positive.")

    def check(self, costs: Sequence[tuple[int, float]]) -> list[bool]:
        """Return which of some costs, in parameters and seconds, fit.

        Raises:
            InputError: None does; the message says what the cheapest would cost.
        """
        fits = [
            (self.parameters is None or parameters <= self.parameters)
            and (self.seconds is None or seconds <= self.seconds)
            for parameters, seconds in costs
        ]
        if not any(fits):
            fewest, fastest = min(parameters for parameters, _ in costs), min(seconds for _, seconds in costs)
            raise InputError(
                f"budget: no candidate fits {self}. The smallest trains {fewest} parameters; the fastest "
                f"takes about {fastest:.1f} seconds."
            )
        return fits

    def __str__(self) -> str:
        """Return what may be spent."""
        parts = [] if self.parameters is None else [f"{self.parameters} parameters"]
        parts += [] if self.seconds is None else [f"{self.seconds:g} seconds"]
        return " and ".join(parts) or "anything"


@dataclass(frozen=True)
class Clock:
    """How long passes take on this machine.

    A block costs one unit for every token forward, and one backward; a block under the lowest tuned one is
    only run forward. What a method adds to a layer, and the step of the optimiser, are small beside that.

    Attributes:
        unit: Seconds for a token in a block in one direction.
        blocks: Blocks of the model.
    """

    unit: float
    blocks: int

    @classmethod
    def of(cls, prompted: PromptedModel, examples: Examples, rounds: int = 3) -> "Clock":
        """Time the forward pass of the first few examples, a batch as training would have it.

        Args:
            prompted: The function.
            examples: Examples, at least one.
            rounds: The fastest of so many passes counts; one before them warms up.
        """
        prompts = prompted.encode(examples)[:_TIMED]
        tokens = sum(len(prompt.ids) for prompt in prompts)
        blocks = len(blocks_of(prompted.pretrained.model))
        batch = prompted.lay_out(prompts)
        seconds = []
        for _ in range(1 + rounds):
            began = time.monotonic()
            with torch.no_grad():
                prompted.logits(batch).cpu()
            seconds.append(time.monotonic() - began)
        return cls(min(seconds[1:]) / (tokens * blocks), blocks)

    def training(self, candidate: Candidate, tokens: float) -> float:
        """Return the seconds of training a candidate on so many tokens, counted at every visit."""
        return self.unit * tokens * (self.blocks + self.blocks - candidate.blocks[0])
