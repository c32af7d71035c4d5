"""What is compared: functions, optimisers, sizes, and how hard each way of training is tried."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lintune.errors import InputError, unknown_name

PROMPT, HEAD = "prompt", "fresh head"
OPTIMISERS = ("sgd", "signgd", "adam")


@dataclass(frozen=True)
class Effort:
    """How hard each way of training is tried; the same for the network and for its linearisation.

    Attributes:
        steps: Updates of a run.
        batch: Examples in a step; None for all.
        rates: Candidate learning rates by optimiser, as many for each, in units that make tasks and
            models alike: of one over the largest eigenvalue of K(SGD) for `sgd`; for `signgd` and `adam`
            of one over the mean 1-norm of a gradient, with which a step moves an output by at most
            about one.
    """

    steps: int = 24
    batch: int | None = 8
    rates: Mapping[str, Sequence[float]] = field(
        default_factory=lambda: {
            "sgd": (0.25, 1.0, 4.0, 16.0, 64.0),
            "signgd": (0.1, 0.3, 1.0, 3.0, 10.0),
            "adam": (0.1, 0.3, 1.0, 3.0, 10.0),
        }
    )

    def __post_init__(self) -> None:
        """Refuse unknown optimisers and unequal numbers of trials."""
        for name in self.rates:
            if name not in OPTIMISERS:
                raise unknown_name("rates", name, OPTIMISERS)
        if len({len(each) for each in self.rates.values()}) != 1 or not all(self.rates.values()):
            raise InputError(
                f"rates={dict(self.rates)} must give every optimiser as many rates, at least one."
            )
        if not all(math.isfinite(rate) and rate > 0 for each in self.rates.values() for rate in each):
            raise InputError(f"rates={dict(self.rates)} must be positive and finite.")
        _at_least(1, steps=self.steps, batch=self.batch)


@dataclass(frozen=True)
class Plan:
    """What is compared on every draw.

    Attributes:
        optimisers: By function, `prompt` and `fresh head`, the optimisers that train it.
        depth: Of how many blocks, from the top, the weights of linear layers are trained; of a fresh head
            also its weight.
        shots: Training examples per class, at least 2: kernels are regressed on by cross-validation.
        test_examples: Test examples.
        validation_shots: Validation examples per class; None for as many as for training.
        effort: How hard each way of training is tried.
        turned_shots: Training examples per class on which the kernel after training is compared with that
            before; two Jacobians of their outputs are held in memory. 0 to leave it out.
        linearised: Whether the linearised model is trained too.
        longest: Prompts are cut to this many tokens.
    """

    optimisers: Mapping[str, Sequence[str]]
    depth: int = 2
    shots: int = 16
    test_examples: int = 100
    validation_shots: int | None = None
    effort: Effort = field(default_factory=Effort)
    turned_shots: int = 4
    linearised: bool = True
    longest: int = 256

    def __post_init__(self) -> None:
        """Refuse unknown functions and optimisers, and too few examples."""
        if self.shots < 2:
            raise InputError(f"shots={self.shots} must be at least 2, one to hold out and one to fit to.")
        if self.validation_shots is not None and self.validation_shots < 1:
            raise InputError(f"validation_shots={self.validation_shots} must be at least 1, or None.")
        for function, optimisers in self.optimisers.items():
            if function not in (PROMPT, HEAD):
                raise unknown_name("optimisers", function, (PROMPT, HEAD))
            for optimiser in optimisers:
                if optimiser not in self.effort.rates:
                    raise unknown_name(f"optimisers[{function!r}]", optimiser, self.effort.rates)
        if not any(self.optimisers.values()):
            raise InputError(f"optimisers={dict(self.optimisers)} must name at least one.")
        _at_least(1, depth=self.depth, shots=self.shots, test_examples=self.test_examples)
        _at_least(1, validation_shots=self.validation_shots, longest=self.longest)
        _at_least(0, turned_shots=self.turned_shots)


def _at_least(least: int, **given: int | None) -> None:
    for name, value in given.items():
        if value is not None and value < least:
            raise InputError(f"{name}={value} must be at least {least}.")
