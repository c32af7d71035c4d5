"""The training loop, for anything that has parameters, outputs and gradients."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from lintune.descent.losses import Loss
from lintune.descent.recipe import Recipe
from lintune.descent.vectors import Vector, difference
from lintune.errors import CorruptFileError, DivergedError, InputError

# A function of the trained parameters that is added to the loss: a scalar.
Penalty = Callable[[Vector], torch.Tensor]


class World(Protocol):
    """Something to train.

    Attributes:
        values: Its parameters, which training moves in place.
        start: Where they started.
        in_coordinates: Whether `values` are the parameters themselves. Otherwise they are coefficients
            of vectors, as in the dual, and only what is linear in the gradients is possible.
    """

    values: Vector
    start: Vector
    in_coordinates: bool

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        """Return the outputs `(b, C - 1)` of some training examples, and the gradient of their loss."""
        ...

    def inner(self, left: Vector, right: Vector) -> float:
        """Return the inner product of two vectors of parameter space."""
        ...


@dataclass(frozen=True)
class Step:
    """The state before an update, and the last state.

    Attributes:
        number: How many updates have been made.
        loss: Loss of the training set, without penalties; with batches, of this batch scaled up to it.
        outputs: `(b, C - 1)` outputs of the examples that the step sees.
        pulled: Whether the pull acts on the coming update; with `projection`, whether it may.
    """

    number: int
    loss: float
    outputs: torch.Tensor
    pulled: bool


def descend(world: World, loss: Loss, recipe: Recipe, penalty: Penalty | None = None) -> Iterator[Step]:
    """Train, yielding the state before every update and at the end.

    Args:
        world: What is trained; its values are the current ones whenever the iterator yields.
        loss: The loss.
        recipe: How to train.
        penalty: What a method adds to the loss of the whole set, of the values; None for nothing.

    Raises:
        InputError: The recipe or the penalty needs coordinates where there are none.
        DivergedError: The loss is not finite.
    """
    projects = recipe.pull == "projection" and recipe.strength > 0
    if not world.in_coordinates and (recipe.optimiser != "sgd" or projects):
        culprit = f"optimiser={recipe.optimiser!r}" if recipe.optimiser != "sgd" else "pull='projection'"
        raise InputError(
            f"{culprit} acts on each coordinate or tensor and leaves the span of the gradients; in the dual "
            "use optimiser='sgd' with pull='always' or 'selective', or train the linear model with features."
        )
    if not world.in_coordinates and recipe.strength and recipe.anchor == "zero":
        raise InputError("anchor='zero' lies outside the span of the gradients; in the dual use 'start'.")
    if not world.in_coordinates and penalty is not None:
        raise InputError("penalty is a function of coordinates; in the dual there are none: leave it out.")
    return _descend(world, loss, recipe, penalty)


def _descend(world: World, loss: Loss, recipe: Recipe, penalty: Penalty | None) -> Iterator[Step]:
    optimiser = recipe.optimiser_of(list(world.values.values()))
    anchor = world.start if recipe.anchor == "start" else _zeros(world.start)
    for number, rows in zip(range(recipe.steps + 1), recipe.batches(loss.n), strict=False):
        scale = loss.n / len(rows)
        try:
            outputs, gradient = world.gradient(rows, loss)
            value = scale * float(loss.value(outputs, rows))
        except CorruptFileError:  # the network's outputs overflowed, unless they never were finite
            if number == 0:
                raise
            value = math.nan
        if not math.isfinite(value):
            raise DivergedError(
                f"the loss of {type(world).__name__} is not finite at step {number} of {recipe}; a smaller "
                "learning_rate helps."
            )
        # A gradient is as large as what is trained: each part is let go when it has been scaled.
        parts = dict(gradient)
        del gradient
        gradient = _with_penalty(world, penalty, {name: scale * parts.pop(name) for name in list(parts)})
        away = difference(world.values, anchor) if recipe.strength else {}
        pulled = recipe.strength > 0 and (recipe.pull != "selective" or world.inner(gradient, away) >= 0)
        yield Step(number, value, outputs.detach(), pulled)
        if number == recipe.steps:
            return
        _update(world, optimiser, recipe, gradient, away, anchor, pulled)
        del gradient, away  # not to stand beside the next ones


def _with_penalty(world: World, penalty: Penalty | None, gradient: Vector) -> Vector:
    """Return the gradient of the loss and, where there is one, of the penalty."""
    if penalty is None:
        return gradient
    leaves = {name: value.detach().requires_grad_() for name, value in world.values.items()}
    parts = torch.autograd.grad(penalty(leaves), list(leaves.values()), materialize_grads=True)
    return {name: gradient[name] + part for name, part in zip(leaves, parts, strict=True)}


def _update(
    world: World,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    gradient: Vector,
    away: Vector,
    anchor: Vector,
    pulled: bool,
) -> None:
    in_gradient = pulled and recipe.pull != "projection"
    for name, value in world.values.items():
        value.grad = gradient[name] + recipe.strength * away[name] if in_gradient else gradient[name]
    optimiser.step()
    if pulled and recipe.pull == "projection":
        for name, value in world.values.items():
            _project(value, gradient[name], away[name], anchor[name], recipe.strength)
    optimiser.zero_grad(set_to_none=True)


def _project(
    value: torch.Tensor, gradient: torch.Tensor, away: torch.Tensor, anchor: torch.Tensor, strength: float
) -> None:
    """Draw one tensor back as AdamSPD does (Tian et al., 2024), in place.

    Nothing happens unless a step down the gradient leads towards the anchor, <gradient, away> > 0.
    """
    if -float((gradient * away).sum()) >= 0:
        return
    now = value.detach() - anchor
    length = float(now.norm())
    share = (length - float(away.norm())) / length if length else 0.0
    value.data -= strength * min(max(share, 0.0), 1.0) * now


def _zeros(vector: Vector) -> Vector:
    return {name: torch.zeros_like(part) for name, part in vector.items()}
