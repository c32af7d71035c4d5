"""Proximal training of the linear model: its closed form, held against training it, and what a pull does."""

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
import torch

from lintune.descent import Loss, Recipe, Squared, Vector, World, descend, difference
from lintune.errors import DivergedError, InputError
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.linearized import Primal, TangentModel
from lintune.methods import Method
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.regression import GradientFlow, Modes, fastest, steps_within
from lintune.tasks import Examples


@dataclass(frozen=True)
class Proximal:
    """All that the closed form needs to know of a problem; outputs are contrasts, flat, float64.

    Attributes:
        labels: `(n,)` classes of the training examples.
        classes: Number of classes C.
        gram: `(N, N)` kernel of the training outputs, N = n (C - 1).
        cross: `(N, M)` kernel between them and the outputs of other examples.
        start: `(N,)` training outputs at the start.
        other_start: `(M,)` the others' outputs at the start.
    """

    labels: np.ndarray
    classes: int
    gram: np.ndarray
    cross: np.ndarray
    start: np.ndarray
    other_start: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """Contrasts of the one-hot labels minus the outputs at the start, `(N,)`."""
        return np.asarray(contrasts(self.classes)[self.labels].ravel() - self.start)

    def strength(self, relative: float) -> float:
        """Return the pull lambda that is so many times the mean eigenvalue."""
        return relative * float(np.trace(self.gram)) / len(self.gram)

    def descent(self, relative: float, pace: float = 1.0) -> GradientFlow:
        """Return gradient descent of the linear model.

        Args:
            relative: Pull over the mean eigenvalue.
            pace: Step over 1 / (l_max + lambda), the longest at which no mode swings.
        """
        strength = self.strength(relative)
        step = pace / (float(np.linalg.eigvalsh(self.gram)[-1]) + strength)
        return GradientFlow(self.gram, self.residual, strength, step=step)


def proximal(prompted: PromptedModel, train: Examples, others: Examples, method: Method) -> Proximal:
    """Compute what the closed form needs: kernel, start and targets.

    Args:
        prompted: The function.
        train: n labelled examples.
        others: Examples that are not trained on.
        method: What is trained.
    """
    basis = contrasts(prompted.classes)
    kernels = tangent_kernels(prompted, train, others, methods=[method], outputs=basis, by_layer=False)
    return Proximal(
        labels=np.array(train.labels),
        classes=prompted.classes,
        gram=flat(kernels.train[method.name].total()),
        cross=flat(kernels.cross[method.name].total()),
        start=(kernels.train_logits @ basis).ravel(),
        other_start=(kernels.cross_logits @ basis).ravel(),
    )


def predicted(problem: Proximal, relative: float, times: Sequence[int], pace: float = 1.0) -> dict[str, Any]:
    """Return what the closed form says of gradient descent at a pull.

    Args:
        problem: The problem.
        relative: Pull over the mean eigenvalue.
        times: T numbers of steps.
        pace: Step over 1 / (l_max + lambda).

    Returns:
        `strength`, `step`, `condition_number`; `times`, `loss`, `objective` and `drift` `(T,)`; `end_loss`,
        `optimum` and `end_drift` of the end.
    """
    path, end = problem.descent(relative, pace), np.array(np.inf)
    found = np.array(times)
    return {
        "strength": path.strength,
        "step": path.step,
        "condition_number": fastest(path.values, path.strength).condition_number,
        "times": found,
        "loss": path.loss(found),
        "objective": path.objective(found),
        "drift": path.drift(found),
        "end_loss": float(path.loss(end)),
        "optimum": path.optimum,
        "end_drift": float(path.drift(end)),
    }


def trained(
    problem: Proximal, relative: float, steps: int, world: World, pace: float = 1.0
) -> dict[str, Any]:
    """Train something by gradient descent just as `predicted` says, and hold it against the closed form.

    Args:
        problem: The problem.
        relative: Pull over the mean eigenvalue.
        steps: Number of steps; fewer are made where the loss leaves the finite numbers.
        world: What is trained, at its start: the linear model, or the network.
        pace: Step over 1 / (l_max + lambda).

    Returns:
        `loss` and `drift` `(steps + 1,)`, and `difference`, the largest distance over steps between its
        training outputs and those of the closed form, over the norm of the residual at the start.
    """
    path = problem.descent(relative, pace)
    assert path.step is not None
    recipe = Recipe(learning_rate=path.step, steps=steps, strength=path.strength)
    expected = path.outputs(np.arange(steps + 1), problem.start)
    found: dict[str, list[float]] = {"loss": [], "drift": [], "difference": []}
    with contextlib.suppress(DivergedError):
        for state in descend(world, Squared(problem.labels, problem.classes), recipe):
            away = difference(world.values, world.start)
            found["loss"].append(state.loss)
            found["drift"].append(math.sqrt(world.inner(away, away)))
            found["difference"].append(_distance(state.outputs, expected[state.number]))
    return found | {"difference": max(found["difference"]) / float(np.linalg.norm(problem.residual))}


def trained_linear(
    problem: Proximal,
    relative: float,
    steps: int,
    attached: Attached,
    train: Examples,
    others: Examples,
    pace: float = 1.0,
) -> dict[str, Any]:
    """Train the linear model in its own weights, by products with its Jacobian and without any kernel.

    Args:
        problem: The problem, of the same method and examples.
        relative: Pull over the mean eigenvalue.
        steps: Number of steps.
        attached: The method attached to the model.
        train: The training examples.
        others: The other examples.
        pace: Step over 1 / (l_max + lambda).

    Returns:
        What `trained` returns, and `other_difference`: the distance between the other outputs after the last
        step and those of the closed form, over the norm of what the closed form has learnt there.
    """
    world = Primal(attached, attached.prepare(train))
    found = trained(problem, relative, steps, world, pace)
    start, change = TangentModel(attached, attached.prepare(others)).pushed(
        difference(world.values, world.start)
    )
    learnt = problem.descent(relative, pace).other_outputs(problem.cross, np.array(steps))
    distance = _distance(start + change, problem.other_start + learnt)
    return found | {"other_difference": distance / float(np.linalg.norm(learnt))}


class Held:
    """Something to train, some of whose parameters stay where they are."""

    def __init__(self, world: World, pattern: str) -> None:
        """Hold the parameters whose names match a shell-style pattern, such as `*:A`."""
        self.values = world.values
        self.start = world.start
        self.in_coordinates = world.in_coordinates
        self._world = world
        self._held = {name for name in world.values if fnmatchcase(name, pattern)}

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        """Return the outputs of some examples and the gradient of their loss, 0 for what is held."""
        outputs, gradient = self._world.gradient(rows, loss)
        return outputs, {
            name: torch.zeros_like(part) if name in self._held else part for name, part in gradient.items()
        }

    def inner(self, left: Vector, right: Vector) -> float:
        """Return the inner product."""
        return self._world.inner(left, right)


def _distance(outputs: torch.Tensor, expected: np.ndarray) -> float:
    return float(np.linalg.norm(outputs.double().cpu().numpy().ravel() - expected))


def mode_curves(problem: Proximal, relative: float, times: Sequence[int]) -> dict[str, Any]:
    """Return eigenvalues, target and learning of each mode, at a pull.

    Args:
        problem: The problem.
        relative: Pull over the mean eigenvalue.
        times: Numbers of steps.

    Returns:
        `eigenvalues`, `shares` and `ceilings` `(N,)`, `learnt` `(times, N)`, and `evenness`, the cosine
        between the first eigenvector and the vector of ones, without its sign.
    """
    path = problem.descent(relative)
    modes = Modes(path)
    return {
        "evenness": float(abs(path.vectors[:, 0].mean()) * math.sqrt(len(path.vectors))),
        "eigenvalues": path.values,
        "shares": modes.shares,
        "ceilings": modes.ceilings,
        "learnt": modes.learnt(np.array(times)),
    }


def conditioning(problem: Proximal, relative: Sequence[float], share: float = 0.01) -> pd.DataFrame:
    """Say for many pulls how many steps gradient descent needs, and what the optimum fits.

    Args:
        problem: The problem.
        relative: Pulls over the mean eigenvalue, positive.
        share: The optimum is reached where the objective is within this share of it.

    Returns:
        A row per pull: `relative`, `condition_number`; the number of steps with the step of the best rate,
        `best_step`, and with 1 / (l_max + lambda), `full_step`; how many steps of the best rate suffice
        whatever the target is, given the excess at the start, `guaranteed`; the `loss` of the optimum over
        that at the start; and the share `learnt` of the weakest mode's target.

    Raises:
        InputError: A pull is not positive.
    """
    if not all(value > 0 for value in relative):
        raise InputError(f"relative={tuple(relative)} must all be positive.")
    return pd.DataFrame([_conditioning(problem, value, share) for value in relative])


def _conditioning(problem: Proximal, relative: float, share: float) -> dict[str, float]:
    full = problem.descent(relative)
    best = fastest(full.values, full.strength)
    path = GradientFlow(problem.gram, problem.residual, full.strength, step=best.step)
    excess = float(full.excess(np.array(0)))
    # The excess shrinks by the square of the rate in each step.
    needed = math.log(excess / (share * full.optimum)) / -2 / math.log(best.rate) if best.rate else 1
    return {
        "relative": relative,
        "condition_number": best.condition_number,
        "best_step": steps_within(path, share),
        "full_step": steps_within(full, share),
        "guaranteed": max(math.ceil(needed), 0),
        "loss": float(full.loss(np.array(np.inf)) / full.loss(np.array(0))),
        "learnt": float(full.ceilings[full.values > 0][-1]),
    }
