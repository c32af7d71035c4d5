"""How to train: loss, optimiser, and what pulls the parameters back to where they started."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
import torch

from lintune.descent.losses import LOSSES, LossName
from lintune.descent.signgd import SignGD
from lintune.errors import InputError, unknown_name

Optimiser = Literal["sgd", "adam", "signgd"]
Pull = Literal["always", "selective", "projection"]
Anchor = Literal["start", "zero"]


@dataclass(frozen=True)
class Recipe:
    """A way to train, the same for a network and for its linearisation.

    The objective is the loss summed over the examples, plus strength/2 ||theta - anchor||^2. `sgd` over
    the whole training set without momentum is gradient descent.

    Attributes:
        learning_rate: Step size, positive.
        steps: Number of updates, at least 1.
        loss: `squared` or `cross-entropy`.
        optimiser: `sgd` (with momentum), `adam`, or `signgd`, which steps along the signs of the gradient
            (Malladi et al., 2023, Definition 4.1). The gradient of the pull is added to that of the loss
            for all of them.
        strength: Strength lambda of the pull, at least 0.
        pull: `always`; `selective`, only while <grad R, theta - anchor> >= 0, so that the loss R never
            rises under the flow (Rahimi Afzal et al., 2025, Eq. 8); or `projection`, the rule of AdamSPD:
            after the step each tensor whose gradient points away from the anchor is drawn back by the share
            of the step that led away, times the strength.
        anchor: Where the pull leads: the `start` or `zero`.
        momentum: Of `sgd`, from 0 to below 1.
        batch: Examples in a step, drawn without replacement epoch by epoch; None for all. The loss of a
            batch is scaled up to the whole set.
        seed: Of the order of the examples.
    """

    learning_rate: float
    steps: int
    loss: LossName = "squared"
    optimiser: Optimiser = "sgd"
    strength: float = 0.0
    pull: Pull = "always"
    anchor: Anchor = "start"
    momentum: float = 0.0
    batch: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        for name, known in (
            ("loss", tuple(LOSSES)),
            ("optimiser", get_args(Optimiser)),
            ("pull", get_args(Pull)),
            ("anchor", get_args(Anchor)),
        ):
            if getattr(self, name) not in known:
                raise unknown_name(name, getattr(self, name), known)
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate={self.learning_rate} must be positive and finite.")
        if not (math.isfinite(self.strength) and self.strength >= 0):
            raise InputError(f"strength={self.strength} must be at least 0 and finite.")
        if not 0 <= self.momentum < 1 or (self.momentum and self.optimiser != "sgd"):
            raise InputError(
                f"momentum={self.momentum} must be from 0 to below 1, and 0 for adam and signgd."
            )
        for name, value in (("steps", self.steps), ("batch", self.batch)):
            if value is not None and value < 1:
                raise InputError(f"{name}={value} must be at least 1.")
        if self.seed < 0:
            raise InputError(f"seed={self.seed} must be at least 0.")

    def __str__(self) -> str:
        """Return what differs from the defaults, as in `Recipe(learning_rate=0.1, steps=9)`."""
        given = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != each.default
        }
        return f"Recipe({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def optimiser_of(self, leaves: list[torch.Tensor]) -> torch.optim.Optimizer:
        """Return the optimiser that moves these leaves."""
        if self.optimiser == "adam":
            return torch.optim.Adam(leaves, lr=self.learning_rate)
        if self.optimiser == "signgd":
            return SignGD(leaves, self.learning_rate)
        return torch.optim.SGD(leaves, lr=self.learning_rate, momentum=self.momentum)

    def batches(self, n: int) -> Iterator[torch.Tensor]:
        """Yield which of n examples each step sees, `(b,)`, without end.

        An epoch's last batch is left out where it would be smaller than the others.
        """
        if self.batch is None or self.batch >= n:
            while True:
                yield torch.arange(n)
        rng = np.random.default_rng(self.seed)
        while True:
            order = rng.permutation(n)
            for start in range(0, n - self.batch + 1, self.batch):
                yield torch.as_tensor(order[start : start + self.batch])
