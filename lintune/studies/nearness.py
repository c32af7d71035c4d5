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
from lintune.errors import InputError
from lintune.finetune import Network
from lintune.linearized import jacobian
from lintune.methods import Method
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.tasks import FewShot
from lintune.theory.lipschitz import (
    bending,
    local_lipschitz,
    random_direction,
    readout_states,
    spectral_norm,
)

# A loss counts as risen from this share of it on; float32 rounding stays below.
TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Near:
    """A few-shot problem with a method attached, ready to be trained many times.

    Attributes:
        attached: The function of the trained parameters.
        draw: The n training and the m test examples.
        train: The training examples, prepared.
        test: The test examples, prepared.
    """

    attached: Attached
    draw: FewShot
    train: Prepared
    test: Prepared

    @classmethod
    def of(cls, prompted: PromptedModel, draw: FewShot, method: Method) -> "Near":
        """Attach a method and run the frozen blocks for all examples."""
        attached = Attached(prompted, method)
        return cls(attached, draw, attached.prepare(draw.train), attached.prepare(draw.test))

    def with_method(self, method: Method) -> "Near":
        """Attach another method over the same frozen blocks.

        Raises:
            InputError: Other blocks stay frozen under it.
        """
        attached = Attached(self.attached.prompted, method)
        if attached.frozen_blocks != self.attached.frozen_blocks:
            raise InputError(
                f"method={method.name!r} freezes {attached.frozen_blocks} blocks and not "
                f"{self.attached.frozen_blocks}; its states are others."
            )
        return replace(self, attached=attached)

    def slope(self, values: Vector | None = None) -> float:
        """Return ||J|| of the training outputs at a point, at the start by default: the root of l_1 there."""
        return spectral_norm(jacobian(self.attached, self.train, values))

    def accuracy(self, network: Network) -> float:
        """Return the share of test examples that are classified right now."""
        outputs = network.outputs_on(self.test).double().cpu()
        guessed = (outputs @ self.attached.basis.cpu().T).argmax(dim=1).numpy()
        return float((guessed == self.draw.test.labels).mean())


@dataclass(frozen=True)
class Run:
    """What a run went through.

    Attributes:
        rows: A row per state: `step`; `time`, steps times their size; `loss`, of the batch scaled up to
            the set; `drift` ||theta - theta_0||; `objective`, the loss with the penalty lambda/2 times the
            squared distance to the anchor; `pulled`, whether the pull acts on the coming update; `back`,
            the share of tensors whose coming gradient step leads towards the anchor; and, for a method
            with factors A, `size` ||A|| and `moved` ||A - A_0||, over all layers.
        accuracy: Test accuracy at the end.
        values: The parameters at the end.
    """

    rows: pd.DataFrame
    accuracy: float
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


def trained(near: Near, recipe: Recipe) -> Run:
    """Train and measure every step.

    Args:
        near: The problem.
        recipe: How to train.
    """
    network = Network(near.attached, near.train)
    world = _Watched(network)
    loss = loss_for(recipe.loss, near.draw.train.labels, near.attached.prompted.classes)
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
    return Run(pd.DataFrame(rows), near.accuracy(network), values)


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
    near: Near, relative: Sequence[float], *, time: float, pace: float = 0.75
) -> dict[str, dict[str, Any]]:
    """Train with squared loss for equally long under no pull, the pull always on, and the selective one.

    Gradient descent, with steps of `pace` / (l_1 + lambda), l_1 the largest eigenvalue of the kernel at
    the start: with a pull of many l_1 it takes more steps for the same time.

    Args:
        near: The problem.
        relative: S strengths lambda over l_1, positive.
        time: How long, steps times their size, in units of 1 / l_1.
        pace: Step over 1 / (l_1 + lambda), at most 1.

    Returns:
        `start`: `slope` ||J_0||, `largest` l_1, and the `loss` R_0; `none`, a run; `always` and
        `selective`, a list of S runs in the order of the strengths. A run is `relative`, `strength`,
        `learning_rate`, its columns of `Run.rows`, and of the one always on, also `slope`, the larger of
        ||J|| at the start and at the end, and two bounds at the end, `from_loss` and `from_slope`.

    Raises:
        InputError: A strength, the pace or the time is out of range.
    """
    if not relative or not all(math.isfinite(value) and value > 0 for value in relative):
        raise InputError(f"relative={tuple(relative)} must be positive, at least one.")
    if not 0 < pace <= 1:
        raise InputError(f"pace={pace} must be positive and at most 1.")
    if not (math.isfinite(time) and time > 0):
        raise InputError(f"time={time} must be positive and finite.")
    slope = near.slope()
    largest = slope**2

    def recipe(strength: float, pull: Any) -> Recipe:
        steps = math.ceil(time * (1 + strength) / pace)
        return Recipe(time / largest / steps, steps, strength=strength * largest, pull=pull)

    none = _as_record(trained(near, recipe(0.0, "always")), recipe(0.0, "always"), largest)
    always = [
        _bounded(near, trained(near, recipe(each, "always")), recipe(each, "always"), slope)
        for each in relative
    ]
    selective = [
        _as_record(trained(near, recipe(each, "selective")), recipe(each, "selective"), largest)
        for each in relative
    ]
    start = {"slope": slope, "largest": largest, "loss": none["loss"][0]}
    return {"start": start, "none": none, "always": always, "selective": selective}  # type: ignore[dict-item]


def _as_record(run: Run, recipe: Recipe, largest: float) -> dict[str, Any]:
    return {
        "relative": recipe.strength / largest,
        "strength": recipe.strength,
        "learning_rate": recipe.learning_rate,
        "accuracy": run.accuracy,
        **{str(name): column.to_numpy() for name, column in run.rows.items()},
    }


def _bounded(near: Near, run: Run, recipe: Recipe, slope: float) -> dict[str, Any]:
    """Add what theory says of the farthest that the pull always on lets parameters go."""
    initial, steepest = float(run.rows.loss[0]), max(slope, near.slope(run.values))
    return _as_record(run, recipe, slope**2) | {
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


def acting(near: Near, recipes: Mapping[str, Recipe]) -> pd.DataFrame:
    """Count when the selective pull acts, and when the loss rises.

    Args:
        near: The problem.
        recipes: Ways to train, by name.

    Returns:
        A row per recipe: `name`; `steps`; `acts`, how many updates the pull had a part in, the first left
        out, where there is nothing to pull yet; `rises`, how often the loss of the whole set rose, None
        with batches, of which each has a loss of its own; `drift` at the end, and `unpulled`, the drift of
        the same recipe without a pull.
    """
    rows = []
    for name, recipe in recipes.items():
        rows.append({"name": name, **switched(trained(near, recipe).rows, recipe.batch is None)})
        rows[-1]["unpulled"] = float(trained(near, replace(recipe, strength=0.0)).rows.drift.iloc[-1])
    return pd.DataFrame(rows)


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
    near: Near,
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
