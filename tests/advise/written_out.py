"""A linear model in parameters of its own, and its run with a scalar Adam for each group, written out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from lintune.advise import Sight
from lintune.descent import Recipe
from lintune.kernels import contrasts
from tests.advise.problem import jacobian, sight

N, P = 9, 40
TRAIN, OTHERS = np.array([0, 2, 3, 5, 7]), np.array([1, 8, 4])
# By number of groups: how many of the P parameters each has, how many of them count as moving, and how large
# the gradients are. Groups are unlike, so that one scale for all would be another run.
SIZES = {1: (40,), 3: (20, 13, 7)}
MOVING = {1: (25,), 3: (16, 4, 5)}
SCALES = {1: (1.0,), 3: (0.1, 1.0, 5.0)}


@dataclass(frozen=True, eq=False)
class Linear:
    """Gradients of logits `(N, C, P)`, logits at the start `(N, C)`, labels `(N,)`, and the groups."""

    gradients: np.ndarray
    logits: np.ndarray
    labels: np.ndarray
    pieces: tuple[slice, ...]
    moving: tuple[int, ...]

    @classmethod
    def of(cls, seed: int, classes: int, groups: int = 1) -> "Linear":
        """Draw one at random."""
        rng = np.random.default_rng(seed)
        ends = np.cumsum(SIZES[groups]).tolist()
        pieces = tuple(slice(end - size, end) for end, size in zip(ends, SIZES[groups], strict=True))
        gradients = jacobian(seed, N, classes, P) * np.repeat(SCALES[groups], SIZES[groups])
        labels = rng.integers(0, classes, N)
        return cls(gradients, rng.normal(size=(N, classes)), labels, pieces, MOVING[groups])

    @property
    def of_contrasts(self) -> np.ndarray:
        """Gradients of contrasts `(N, k, P)`."""
        return np.einsum("ncp,ck->nkp", self.gradients, contrasts(self.logits.shape[1]))

    @property
    def sight(self) -> Sight:
        """Its kernels, group by group."""
        parts = (self.of_contrasts[..., piece] for piece in self.pieces)
        return sight(*(np.einsum("ikp,jlp->ikjl", one, one) for one in parts), moving=self.moving)


def written_out(problem: Linear, recipe: Recipe, rate: float) -> Mapping[str, np.ndarray]:
    """Run the linear model of the logits in its P parameters, with one running square for each group."""
    gradients, start, labels = map(torch.as_tensor, (problem.gradients, problem.logits, problem.labels))
    theta = torch.zeros(P, dtype=torch.float64, requires_grad=True)

    def losses(places: np.ndarray) -> torch.Tensor:
        logits = start[places] + gradients[places] @ theta
        return torch.nn.functional.cross_entropy(logits, labels[places], reduction="none")

    mean, square = torch.zeros(P, dtype=torch.float64), torch.zeros(P, dtype=torch.float64)
    train, batches, held = [], [], []
    order = recipe.batches(len(TRAIN))
    for step in range(1, recipe.steps + 2):
        batch = TRAIN[next(order).numpy()]
        train.append(losses(TRAIN).mean().item())
        batches.append(losses(batch).mean().item())
        held.append(losses(OTHERS).mean().item())
        if step > recipe.steps:
            break
        whole = losses(batch).mean() * len(TRAIN) + recipe.strength / 2 * theta.square().sum()
        (slope,) = torch.autograd.grad(whole, theta)
        mean = 0.9 * mean + 0.1 * slope
        for piece, moving in zip(problem.pieces, problem.moving, strict=True):
            each = slope[piece].square().sum() / (2 / np.pi * moving)
            square[piece] = 0.999 * square[piece] + 0.001 * each
        with torch.no_grad():
            theta -= rate * (mean / (1 - 0.9**step)) / (square / (1 - 0.999**step)).sqrt()
    logits = (start[OTHERS] + gradients[OTHERS] @ theta).detach().numpy()
    found = {"train": train, "batches": batches, "held": held, "others": losses(OTHERS).detach()}
    more = {"outputs": logits @ contrasts(logits.shape[1]), "theta": theta.detach()}
    return {name: np.asarray(each) for name, each in {**found, **more}.items()}
