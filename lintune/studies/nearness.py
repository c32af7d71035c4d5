"""What keeps fine-tuning near the pretrained weights: pulls of several kinds, measured step by step."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from lintune import theory
from lintune.descent import Loss, Recipe, Vector, descend, difference, loss_for, norm
from lintune.descent.recipe import Pull
from lintune.errors import InputError
from lintune.finetune import Network, Setup
from lintune.linearized import jacobian
from lintune.theory.lipschitz import (
    bending,
    local_lipschitz,
    random_direction,
    readout_states,
    spectral_norm,
)

# A loss counts as risen from this share of it on; float32 rounding stays below.
TOLERANCE = 1e-5


def slope(near: Setup, values: Vector | None = None) -> float:
    """Return ||J|| of the training outputs at a point, at the start by default: the root of l_1 there."""
    return spectral_norm(jacobian(near.attached, near.train, values))


def accuracy(near: Setup, values: Vector) -> float:
    """Return the share of test examples that are classified right at a point."""
    outputs = near.attached.outputs_on(values, near.test).double().cpu()
    guessed = (outputs @ near.attached.basis.cpu().T).argmax(dim=1).numpy()
    return float((guessed == near.split.test.labels).mean())


@dataclass(frozen=True)
class Run:
    """What a run went through.

    Attributes:
        rows: A row per state: `step`; `time`, steps times their size; `loss`, of the batch scaled up to
            the set; `drift` ||theta - theta_0||; `objective`, the loss with the penalty lambda/2 times the
            squared distance to the anchor; `pulled`, whether the pull acts on the coming update; `back`,
            the share of tensors whose coming gradient step leads towards the anchor; and, for a method
            with factors A, `size` ||A|| and `moved` ||A - A_0||, over all layers.
        values: The parameters at the end.
    """

    rows: pd.DataFrame
    values: Vector


class _Watched:
    """A network that remembers the last gradient it gave."""

    in_coordinates = True

    def __init__(self, network: Network) -> None:
        self.values, self.start = network.values, network.start
        self.last: Vector = {}
        self._network = network

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        outputs, self.last = self._network.gradient(rows, loss)
        return outputs, self.last

    def inner(self, left: Vector, right: Vector) -> float:
        return self._network.inner(left, right)


def trained(near: Setup, recipe: Recipe) -> Run:
    """Train and measure every step.

    Args:
        near: The problem.
        recipe: How to train.
    """
    network = Network(near.attached, near.train)
    world = _Watched(network)
    loss = loss_for(recipe.loss, near.split.train.labels, near.attached.prompted.classes)
    steps = tqdm(descend(world, loss, recipe), total=recipe.steps + 1, desc="steps", leave=False)
    rows = [
        {
            "step": step.number,
            "time": step.number * recipe.learning_rate,
            "loss": step.loss,
            "pulled": step.pulled,
            **_measured(world, recipe, step.loss),
        }
        for step in steps
    ]
    values = {name: value.detach() for name, value in network.values.items()}
    return Run(pd.DataFrame(rows), values)


def _measured(world: _Watched, recipe: Recipe, loss: float) -> dict[str, float]:
    moved = difference(world.values, world.start)
    now = {name: value.detach() for name, value in world.values.items()}
    away = moved if recipe.anchor == "start" else now
    back = [float((world.last[name] * part).sum()) > 0 for name, part in away.items()]
    factors = [name for name in now if name.endswith(":A")]
    found = {
        "drift": norm(moved),
        "objective": loss + recipe.strength / 2 * norm(away) ** 2,
        "back": sum(back) / len(back),
    }
    if not factors:
        return found
    sizes = {"size": now, "moved": moved}
    return found | {key: norm({name: each[name] for name in factors}) for key, each in sizes.items()}


def drifts(
    near: Setup, relative: Sequence[float], *, time: float, pace: float = 0.75, longest: float = 0.25
) -> tuple[dict[str, Any], Vector]:
    """Train with squared loss for equally long under no pull, the pull always on, and the selective one.

    Gradient descent. A pull of many l_1 needs shorter steps, and so takes more of them for the same time.

    Args:
        near: The problem.
        relative: S strengths lambda over l_1, the largest eigenvalue of the kernel at the start; positive.
        time: How long, steps times their size, in units of 1 / l_1.
        pace: Largest step over 1 / (l_1 + lambda), at most 1.
        longest: Largest step over 1 / l_1, at most 1.

    Returns:
        `start`: `slope` ||J_0||, `largest` l_1, and the `loss` R_0; `none`, a run; `always` and
        `selective`, a list of S runs in the order of the strengths. A run is `relative`, `strength`,
        `learning_rate`, its columns of `Run.rows`, and of the one always on, also `slope`, the larger of
        ||J|| at the start and at the end, and two bounds at the end, `from_loss` and `from_slope`.
        Second, where the run without a pull led: theta - theta_0.

    Raises:
        InputError: A strength, a step or the time is out of range.
    """
    if not relative or not all(math.isfinite(value) and value > 0 for value in relative):
        raise InputError(f"relative={tuple(relative)} must be positive, at least one.")
    for name, value in (("pace", pace), ("longest", longest)):
        if not 0 < value <= 1:
            raise InputError(f"{name}={value} must be positive and at most 1.")
    if not (math.isfinite(time) and time > 0):
        raise InputError(f"time={time} must be positive and finite.")
    steep = slope(near)
    largest = steep**2

    def recipe(strength: float, pull: Pull = "always") -> Recipe:
        steps = math.ceil(time / min(pace / (1 + strength), longest))
        return Recipe(time / largest / steps, steps, strength=strength * largest, pull=pull)

    plain = trained(near, recipe(0.0))
    found: dict[str, Any] = {
        "start": {"slope": steep, "largest": largest, "loss": float(plain.rows.loss[0])},
        "none": _as_record(plain, recipe(0.0), largest),
        "always": [_bounded(near, recipe(each), steep) for each in relative],
        "selective": [
            _as_record(trained(near, way), way, largest)
            for way in (recipe(each, "selective") for each in relative)
        ],
    }
    return found, difference(plain.values, near.attached.start)


def _as_record(run: Run, recipe: Recipe, largest: float) -> dict[str, Any]:
    return {
        "relative": recipe.strength / largest,
        "strength": recipe.strength,
        "learning_rate": recipe.learning_rate,
        **{str(name): column.to_numpy() for name, column in run.rows.items()},
    }


def _bounded(near: Setup, recipe: Recipe, start: float) -> dict[str, Any]:
    """Train, and add what theory says of the farthest that the pull always on lets parameters go."""
    run = trained(near, recipe)
    initial, steepest = float(run.rows.loss[0]), max(start, slope(near, run.values))
    return _as_record(run, recipe, start**2) | {
        "slope": steepest,
        "from_loss": theory.drift_from_loss(initial_loss=initial, strength=recipe.strength),
        "from_slope": theory.drift_from_slope(
            initial_loss=initial,
            strength=recipe.strength,
            slope=steepest,
            step=recipe.learning_rate,
            steps=recipe.steps,
        ),
    }


def acting(near: Setup, recipes: Mapping[str, Recipe]) -> list[dict[str, Any]]:
    """Count when the selective pull acts, and when the loss rises.

    Args:
        near: The problem.
        recipes: Ways to train, by name.

    Returns:
        For each recipe: `name`; `steps`; `acts`, how many updates the pull had a part in, the first left
        out, where there is nothing to pull yet; `rises`, how often the loss of the whole set rose, None
        with batches, of which each has a loss of its own; `drift` at the end, and `unpulled`, the drift of
        the same recipe without a pull.
    """
    rows = []
    for name, recipe in recipes.items():
        rows.append({"name": name, **switched(trained(near, recipe).rows, recipe.batch is None)})
        rows[-1]["unpulled"] = float(trained(near, replace(recipe, strength=0.0)).rows.drift.iloc[-1])
    return rows


def switched(rows: Mapping[str, Any] | pd.DataFrame, whole: bool = True) -> dict[str, Any]:
    """Count in the rows of a run when the pull acts and when the loss rises; see `acting`.

    Args:
        rows: `pulled`, `loss` and `drift`, `(steps + 1,)` each.
        whole: Whether every loss is that of the whole training set.
    """
    losses, pulled = np.asarray(rows["loss"]), np.asarray(rows["pulled"])
    return {
        "steps": len(losses) - 1,
        "acts": int(pulled[1:-1].sum()),
        "rises": int((losses[1:] > losses[:-1] * (1 + TOLERANCE)).sum()) if whole else None,
        "drift": float(np.asarray(rows["drift"])[-1]),
    }


def steepness(
    near: Setup,
    towards: Vector,
    radii: Sequence[float],
    *,
    models: int,
    directions: int,
    bends_at: Sequence[float],
    seed: int = 0,
) -> dict[str, Any]:
    """Measure how steep the function is around the start, at random and along the way of training.

    Args:
        near: The problem.
        towards: Where training led, theta - theta_0; its length is the unit of all radii.
        radii: Radii of Algorithm 1, ascending.
        models: Random models at each.
        directions: Random directions in which slope and curvature are measured.
        bends_at: Radii at which they are.
        seed: Seed.

    Returns:
        `unit`, the length; `weights` ||theta_0||; `lipschitz`, as `local_lipschitz` gives it, and
        `bending`, as `bending` does, as lists of rows with radii in units; the direction of training is
        `training`.
    """
    unit, start = norm(towards), near.attached.start
    found = local_lipschitz(
        lambda values: near.attached.outputs(values, near.train),
        readout_states(near.train),
        start,
        [unit * radius for radius in radii],
        models,
        seed,
    )
    ways = {f"random {number}": random_direction(start, seed + number) for number in range(directions)}
    bent = bending(
        lambda values: jacobian(near.attached, near.train, values),
        start,
        ways | {"training": towards},
        [unit * radius for radius in bends_at],
    )
    return {
        "unit": unit,
        "weights": norm(dict(start)),
        "lipschitz": found.assign(radius=found.radius / unit).to_dict("list"),
        "bending": bent.assign(radius=bent.radius / unit).to_dict("list"),
    }
