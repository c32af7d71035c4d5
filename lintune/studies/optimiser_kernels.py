"""One step at a time: what an optimiser does to the outputs, and what the kernels say it does.

Every step of a run is held against four predictions of the change of the outputs of probes, the training and
test examples:

- `current`: <grad f(x; theta_{t-1}), step>, the linearisation alone;
- `frozen`: <grad f(x; theta_0), step>, linearisation and fixed features, with the step that was taken;
- `signgd`: Theorem 4.3 of Malladi et al. (2023): the step, too, is that of the gradients at the start;
- `sgd`: the same for gradient descent, by K(SGD).

And against one that knows no features, `constant`: every probe moves alike, as the sign of chi tells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm.auto import tqdm

from lintune import theory
from lintune.descent import Loss, Recipe, Vector, descend, difference, inner, loss_for, norm
from lintune.descent.recipe import Optimiser
from lintune.finetune import Network, Setup
from lintune.linearized import jacobian
from lintune.methods.attached import Prepared

# Up to these medians over steps of ||predicted - measured|| / ||measured|| a prediction holds, or roughly so.
HOLDS, ROUGHLY = 0.1, 0.5
# How far the slope of the first step's error on logarithmic axes may be from 2.
SECOND_ORDER = 0.2

DIRECTIONS: dict[str, Callable[[Vector, torch.Tensor], Vector]] = {
    "sgd": theory.descent_direction,
    "signgd": theory.sign_direction,
}


@dataclass(frozen=True, eq=False)
class Start:
    """A problem with the derivatives of all outputs at the start.

    Attributes:
        setup: The problem; its n training and m test examples are the probes.
        train: Derivatives of the training outputs, by parameter `(n, k, *shape)`.
        test: Those of the test outputs, `(m, k, *shape)`.
    """

    setup: Setup
    train: Vector
    test: Vector

    @classmethod
    def of(cls, setup: Setup) -> "Start":
        """Differentiate.

        Raises:
            InputError: The derivatives would not fit in memory.
        """
        return cls(setup, jacobian(setup.attached, setup.train), jacobian(setup.attached, setup.test))

    def outputs(self, values: Mapping[str, torch.Tensor]) -> np.ndarray:
        """Return the outputs `(n + m, k)` of the probes at a point, float64."""
        attached = self.setup.attached
        parts = [attached.outputs_on(values, each) for each in (self.setup.train, self.setup.test)]
        return torch.cat(parts).double().cpu().numpy()

    def change_along(self, direction: Vector, rate: float) -> np.ndarray:
        """Return what the derivatives at the start say of a step, `(n + m, k)`."""
        parts = [theory.change_along(each, direction, rate) for each in (self.train, self.test)]
        return np.concatenate(parts)

    def of_rows(self, rows: Sequence[int]) -> Vector:
        """Return the derivatives of some training outputs."""
        if list(rows) == list(range(len(self.setup.train))):
            return self.train
        return {name: part[list(rows)] for name, part in self.train.items()}

    def slopes(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return chi `(n, k)` of the training examples at a point."""
        outputs = self.setup.attached.outputs_on(values, self.setup.train)
        return theory.output_derivative(outputs, np.asarray(self.setup.split.train.labels))


def current_change(setup: Setup, values: Vector, step: Vector) -> np.ndarray:
    """Return <grad f(x; theta), step> of the probes at a point theta, `(n + m, k)`, by forward mode."""
    attached = setup.attached

    def of(prepared: Prepared) -> torch.Tensor:
        f: Any = lambda point: attached.outputs(point, prepared)  # noqa: E731
        return jvp(f, (values,), (step,))[1]

    # The fused attention kernels have no forward-mode derivative; the plain one has.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        return torch.cat([of(setup.train), of(setup.test)]).double().cpu().numpy()


def first_steps(
    function: Callable[[Vector], np.ndarray],
    start: Vector,
    probes: Callable[[Vector, float], np.ndarray],
    train: Vector,
    slopes: torch.Tensor,
    rates: Mapping[str, Sequence[float]],
) -> pd.DataFrame:
    """Take the first step on one example at a time, at many learning rates.

    Args:
        function: The outputs `(m, k)` of the probes at a point.
        start: theta_0.
        probes: What their derivatives at the start say of a direction and a rate, `(m, k)`.
        train: Derivatives of the outputs of b examples, by parameter `(b, k, *shape)`.
        slopes: chi `(b, k)` of these.
        rates: Learning rates by name of the optimiser, one of `DIRECTIONS`.

    Returns:
        A row per optimiser, example and rate: `optimiser`, `example`, `rate`, `length` of the step; over the
        probes, the norm of the `change` and of the `error` of the prediction.
    """
    here, rows = function(start), []
    for optimiser, wanted in rates.items():
        for example in range(len(slopes)):
            one = {name: part[example : example + 1] for name, part in train.items()}
            direction = DIRECTIONS[optimiser](one, slopes[example : example + 1])
            length = norm(direction)
            for rate in wanted:
                there = {name: value - rate * direction[name] for name, value in start.items()}
                change = function(there) - here
                error = float(np.linalg.norm(change - probes(direction, rate)))
                row = {"optimiser": optimiser, "example": example, "rate": rate, "length": rate * length}
                rows.append({**row, "change": float(np.linalg.norm(change)), "error": error})
    return pd.DataFrame(rows)


def order(table: pd.DataFrame, clear: float = 10.0, largest: float = 0.1) -> float | None:
    """Return the power of the rate with which the error of the first step grows; 2 is expected.

    It is the slope on logarithmic axes of the median over examples, for the rates whose error is `clear`
    times that of the smallest rate, so above rounding, and at most `largest` of the change.

    Args:
        table: Rows of one optimiser, as `first_steps` returns them.
        clear: How far the error must be above rounding.
        largest: Largest relative error.

    Returns:
        The slope; None where fewer than three rates are left.
    """
    medians = table.groupby("rate")[["error", "change"]].median()
    above = medians.error > clear * medians.error.iloc[0]
    kept = medians[above & (medians.error <= largest * medians.change)]
    if len(kept) < 3:
        return None
    rates = np.array(kept.index, dtype=float)
    return float(np.polyfit(np.log(rates), np.log(kept.error.to_numpy()), 1)[0])


def tanh_network(
    examples: int, outputs: int, width: int = 16, seed: int = 0
) -> tuple[Callable[[Vector], torch.Tensor], Vector]:
    """Return a small smooth function in float64, `tanh(x A^T) B^T` of random x, and where it starts.

    Args:
        examples: Number m of inputs.
        outputs: Number k of outputs.
        width: Width of the hidden layer.
        seed: Seed of inputs and weights.
    """
    draw = torch.Generator().manual_seed(seed)
    x, down, up = (
        torch.randn(shape, generator=draw, dtype=torch.float64)
        for shape in ((examples, 4), (width, 4), (outputs, width))
    )
    return lambda values: torch.tanh(x @ values["A"].T) @ values["B"].T, {"A": down, "B": up}


def recipe(
    optimiser: Optimiser, rate: float, steps: int, examples: int, *, batch: int = 1, seed: int = 0
) -> Recipe:
    """Return training by cross-entropy, with one example in a step by default.

    Args:
        optimiser: `sgd`, `signgd` or `adam`.
        rate: Step size on the sum of the batch's losses.
        steps: Number of steps.
        examples: Number n of training examples; a `Recipe` scales the loss of a batch up to all of them.
        batch: Examples in a step.
        seed: Of the order of the examples.
    """
    scaled = rate * batch / examples if optimiser == "sgd" else rate
    return Recipe(scaled, steps, loss="cross-entropy", optimiser=optimiser, batch=batch, seed=seed)


@dataclass(frozen=True)
class _Asked:
    """What a step is made of: which examples, their chi, the gradient of their loss, and where that was."""

    rows: list[int]
    slopes: torch.Tensor
    gradient: Vector
    values: Vector


class _Watched:
    """A network that remembers what it was last asked for."""

    in_coordinates = True

    def __init__(self, network: Network) -> None:
        self.values, self.start = network.values, network.start
        self._network = network
        self.last: _Asked | None = None

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        outputs, gradient = self._network.gradient(rows, loss)
        values = {name: value.detach().clone() for name, value in self.values.items()}
        self.last = _Asked(rows.tolist(), loss.slope(outputs, rows), gradient, values)
        return outputs, gradient

    def inner(self, left: Vector, right: Vector) -> float:
        return inner(left, right)


def run(start: Start, way: Recipe, *, linearised: bool = False) -> dict[str, Any]:
    """Train, and hold the change of the outputs in every step against the predictions.

    Args:
        start: The problem.
        way: How to train, as `recipe` makes it.
        linearised: Whether to predict by `current`, too.

    Returns:
        `optimiser`, `rate`, `batch` and `seed`. Of each of the T steps: `example` `(T,)`, the first of the
        batch; `slope` `(T, k)`, the sum of its chi; `cosine` and `size` `(T,)` of the step against one along
        the signs of the gradient, <step, -sign g> / (||step|| ||sign g||) and ||step|| / (rate sqrt(P));
        `flipped` `(T,)`, the share of coordinates in which the gradient of the start, with the same chi, has
        another sign; and `measured` `(T, n + m, k)`, the change of the probes. Last, `predicted` of that
        shape by name.
    """
    loss = loss_for(way.loss, start.setup.split.train.labels, start.setup.attached.prompted.classes)
    world, batch = _Watched(Network(start.setup.attached, start.setup.train)), way.batch or loss.n
    rate = way.learning_rate * (loss.n / batch if way.optimiser == "sgd" else 1)
    rows: list[dict[str, Any]] = []
    outputs, asked = start.outputs(world.values), None
    for _ in tqdm(descend(world, loss, way), total=way.steps + 1, desc=way.optimiser, leave=False):
        if asked is not None:
            there = start.outputs(world.values)
            taken = difference(world.values, asked.values)
            features = start.of_rows(asked.rows)
            wished = {name: direction(features, asked.slopes) for name, direction in DIRECTIONS.items()}
            predicted = {name: start.change_along(each, rate) for name, each in wished.items()}
            predicted |= _predicted(start, asked, taken, linearised)
            described = _described(asked, taken, wished["signgd"], rate)
            rows.append(described | {"measured": there - outputs, "predicted": predicted})
            outputs = there
        asked = world.last
    named = {name: [row["predicted"][name] for row in rows] for name in rows[0]["predicted"]}
    return {
        **{"optimiser": way.optimiser, "rate": rate, "batch": batch, "seed": way.seed},
        **{name: np.array([row[name] for row in rows]) for name in rows[0] if name != "predicted"},
        "predicted": {name: np.array(each) for name, each in named.items()},
    }


def _described(asked: _Asked, taken: Vector, at_start: Vector, rate: float) -> dict[str, Any]:
    """Say what a step has of a sign step, and of the one `at_start`, by the derivatives of the start."""
    signs = {name: part.sign() for name, part in asked.gradient.items()}
    parameters = sum(part.numel() for part in taken.values())
    length = norm(taken)
    return {
        "example": asked.rows[0],
        "slope": asked.slopes.sum(0).double().cpu().numpy(),
        "cosine": -inner(taken, signs) / (length * norm(signs)) if length else 0.0,
        "size": length / (rate * parameters**0.5),
        "flipped": sum(int((part != at_start[name]).sum()) for name, part in signs.items()) / parameters,
    }


def _predicted(start: Start, asked: _Asked, taken: Vector, linearised: bool) -> dict[str, np.ndarray]:
    """Predict what a step that was taken does to the probes, `(n + m, k)` by name."""
    found = {"frozen": start.change_along(taken, -1.0)}
    if linearised:
        found["current"] = current_change(start.setup, asked.values, taken)
    chi = asked.slopes.sum(0).double().cpu().numpy()
    return found | {"constant": np.tile(-np.sign(chi), (len(found["frozen"]), 1))}


def errors(predicted: Any, measured: Any) -> np.ndarray:
    """Return ||predicted - measured|| / ||measured|| over the probes of each step, `(T,)`."""
    predicted, measured = (np.asarray(each, dtype=float) for each in (predicted, measured))
    return np.linalg.norm(predicted - measured, axis=(1, 2)) / np.linalg.norm(measured, axis=(1, 2))


def cosines(predicted: Any, measured: Any) -> np.ndarray:
    """Return the cosine between prediction and change over the probes of each step, `(T,)`; 0 of nothing."""
    predicted, measured = (np.asarray(each, dtype=float) for each in (predicted, measured))
    lengths = np.linalg.norm(predicted, axis=(1, 2)) * np.linalg.norm(measured, axis=(1, 2))
    products = (predicted * measured).sum(axis=(1, 2))
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def centred(change: Any) -> np.ndarray:
    """Return changes `(T, m, k)` without their mean over probes: what tells one probe from another."""
    change = np.asarray(change, dtype=float)
    return np.asarray(change - change.mean(axis=1, keepdims=True))


def summary(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Say how good every prediction was in every run.

    Args:
        runs: As `run` returns them.

    Returns:
        A row per run and prediction: `optimiser`, `rate`, `batch`, `seed`, `prediction`; medians over steps
        of the relative `error`, the `cosine` and the `centred cosine`, that of the changes without their mean
        over probes; and `in the end`, the relative error of the sum of all predictions against the whole
        change.
    """
    rows = []
    for found in runs:
        measured = np.asarray(found["measured"], dtype=float)
        for name, each in found["predicted"].items():
            predicted = np.asarray(each, dtype=float)
            whole = errors(predicted.sum(axis=0)[None], measured.sum(axis=0)[None])[0]
            rows.append(
                {key: found[key] for key in ("optimiser", "rate", "batch", "seed")}
                | {"prediction": name, "error": float(np.median(errors(predicted, measured)))}
                | {"cosine": float(np.median(cosines(predicted, measured)))}
                | {"centred cosine": float(np.median(cosines(centred(predicted), centred(measured))))}
                | {"in the end": float(whole)}
            )
    return pd.DataFrame(rows)


def verdict(error: float) -> str:
    """Say what a median relative error means: `holds`, `holds roughly` or `does not hold`."""
    return "holds" if error <= HOLDS else "holds roughly" if error <= ROUGHLY else "does not hold"


def better_kernel(table: pd.DataFrame, column: str = "centred cosine") -> str:
    """Say which kernel's prediction points more nearly where the outputs went.

    Args:
        table: Rows of some runs, as `summary` returns them.
        column: A column of cosines.

    Returns:
        `signgd` or `sgd` where that kernel has the larger cosine in every run; else `neither`.
    """
    keys = ["optimiser", "rate", "batch", "seed"]
    wide = table.pivot_table(index=keys, columns="prediction", values=column)
    ahead = wide.signgd > wide.sgd
    return "signgd" if ahead.all() else "neither" if ahead.any() else "sgd"
