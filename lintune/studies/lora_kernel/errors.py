"""How far draws of LoRA's kernel are off, as tables against what theory says."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lintune import theory
from lintune.errors import InputError
from lintune.studies.intervals import interval
from lintune.studies.lora_kernel.measuring import Measured


def summed_errors(measured: Measured, probability: float = 0.05) -> pd.DataFrame:
    """Return how far the kernel, summed over layers, is off in each draw.

    Args:
        measured: As `measure` returns it.
        probability: That any entry is outside, by the bounds.

    Returns:
        A row per draw: `distribution`, `rank`, `seed`; `error` and its `predicted` root mean square,
        Frobenius norms over that of the kernel; `worst`, the largest error of an entry over the largest
        entry c^2; `beyond`, whether that is more than `lintune.theory.projection_tail` lets it be, and
        `outside`, whether any entry is off by more than its own radius, where that bound is for the
        distribution and else None.
    """
    total = measured.weights.sum(0)
    largest, size = float(np.diag(total).max()), float(np.linalg.norm(total))
    rows = []
    for (name, rank, seed), projected in measured.projected.items():
        away = np.abs(projected.sum(0) - total)
        outside = None
        if name in ("gaussian", "orthonormal"):
            radius = theory.entry_radius(measured.variances("gaussian", rank), rank, probability)
            outside = bool((away > radius).any())
        rows.append(
            {
                "distribution": name,
                "rank": rank,
                "seed": seed,
                "error": float(np.linalg.norm(away)) / size,
                "predicted": math.sqrt(measured.variances(name, rank).sum()) / size,
                "worst": float(away.max()) / largest,
                "beyond": bool(away.max() / largest > theory.tail_radius(probability, rank, len(total))),
                "outside": outside,
            }
        )
    return pd.DataFrame(rows)


def bounds(measured: Measured, ranks: Sequence[int], probability: float = 0.05) -> pd.DataFrame:
    """Return what bounds say of the largest error of an entry, over the largest entry c^2, by rank.

    Returns:
        A row per rank: `rank`; `known` and `tail`, by `lintune.theory.known_tail` and `projection_tail`,
        infinite where they say nothing; `radius`, the largest of `lintune.theory.entry_radius` for Gaussian
        A; `deviation`, the largest standard deviation of an entry for Gaussian A.
    """
    total = measured.weights.sum(0)
    count, largest = len(total), float(np.diag(total).max())
    rows = []
    for rank in ranks:
        variances = measured.variances("gaussian", rank)
        rows.append(
            {
                "rank": rank,
                "known": theory.tail_radius(probability, rank, count, theory.known_tail),
                "tail": theory.tail_radius(probability, rank, count),
                "radius": float(theory.entry_radius(variances, rank, probability).max()) / largest,
                "deviation": math.sqrt(variances.sum(0).max()) / largest,
            }
        )
    return pd.DataFrame(rows)


def layer_errors(measured: Measured, distribution: str, rank: int) -> pd.DataFrame:
    """Return how far each layer's own kernel is off at one rank.

    Returns:
        A row per layer: `layer`, its `block` and `kind`; root mean square over draws of the `error` in
        Frobenius norm over that of the kernel, and what is `predicted`; the median over gradients of
        their `effective rank`; the layer's `share` of the trace.

    Raises:
        InputError: There are no such draws.
    """
    variances = measured.variances(distribution, rank)
    whole = np.trace(measured.weights.sum(0))
    rows = []
    for place, layer in enumerate(measured.layers):
        kernel = measured.weights[place]
        size = float(np.linalg.norm(kernel))
        errors = [np.linalg.norm(each[place] - kernel) for each in _draws(measured, distribution, rank)]
        block = [int(part) for part in layer.split(".") if part.isdigit()]
        rows.append(
            {
                "layer": layer,
                "block": block[0] if block else -1,
                "kind": layer.rsplit(".", 1)[-1],
                "error": math.sqrt(np.mean(np.square(errors))) / size,
                "predicted": math.sqrt(variances[place].sum()) / size,
                "effective rank": float(np.median(theory.effective_rank(measured.moments[place]))),
                "share": float(np.trace(kernel) / whole),
            }
        )
    return pd.DataFrame(rows)


def standard_errors(measured: Measured, distribution: str, rank: int) -> np.ndarray:
    """Return the errors of all pairs, layers and draws over their exact standard deviations.

    Returns:
        `(draws x layers x pairs,)`, pairs with i <= j. Draws and layers are independent, pairs are not.
    """
    upper = np.triu_indices(measured.weights.shape[1])
    away = np.array([each - measured.weights for each in _draws(measured, distribution, rank)])
    standard = away / np.sqrt(measured.variances(distribution, rank))
    return np.asarray(standard[:, :, upper[0], upper[1]].ravel())


def error_law(measured: Measured, distribution: str, rank: int) -> dict[str, Any]:
    """Return how errors over their standard deviations are distributed, to be kept in place of them.

    Returns:
        `rank`; `edges` of bins from -4 to 4, and the `density` in each, errors beyond counting to the
        outermost; the share that is `negative`, and the share that is `far`, beyond 3 on either side.
    """
    standard = standard_errors(measured, distribution, rank)
    density, edges = np.histogram(standard.clip(-4, 4), bins=48, range=(-4, 4), density=True)
    negative, far = float((standard < 0).mean()), float((np.abs(standard) > 3).mean())
    return {"rank": rank, "edges": edges, "density": density, "negative": negative, "far": far}


def slopes(errors: pd.DataFrame) -> pd.DataFrame:
    """Fit a power of the rank to the error of each draw.

    Args:
        errors: As `summed_errors` returns them.

    Returns:
        A row per distribution: `slope`, the mean over seeds of the slope of log error on log rank; its 95 %
        interval `low` to `high`, Student's over seeds; the slope of what is `predicted`; the `verdict`.
    """
    rows = []
    for name, own in errors.groupby("distribution", sort=False):
        each = [_slope(part["rank"], part.error) for _, part in own.groupby("seed")]
        middle, low, high = interval(each)
        predicted = _slope(own["rank"], own.predicted)
        rows.append(
            {
                "distribution": name,
                "slope": middle,
                "low": low,
                "high": high,
                "predicted": predicted,
                "verdict": verdict(low, high, predicted),
            }
        )
    return pd.DataFrame(rows)


def agreement(measured: Measured) -> pd.DataFrame:
    """Hold squared errors of single layers against their exact variances.

    Returns:
        A row per distribution: `ratio`, the mean over layers, draws and ranks of squared error over what is
        predicted, which has mean 1; its 95 % interval `low` to `high` over layers and seeds, which are
        independent, the ranks of each being averaged; the `verdict`.
    """
    rows = []
    for name in dict.fromkeys(draw[0] for draw in measured.projected):
        ratios: dict[tuple[int, int], list[float]] = {}
        for (other, rank, seed), projected in measured.projected.items():
            if other != name:
                continue
            squares = ((projected - measured.weights) ** 2).sum((1, 2))
            expected = measured.variances(name, rank).sum((1, 2))
            for layer in np.flatnonzero(expected > 1e-12 * (measured.weights**2).sum((1, 2))):
                ratios.setdefault((int(layer), seed), []).append(squares[layer] / expected[layer])
        middle, low, high = interval([float(np.mean(each)) for each in ratios.values()])
        rows.append(
            {
                "distribution": name,
                "ratio": middle,
                "low": low,
                "high": high,
                "verdict": verdict(low, high, 1.0),
            }
        )
    return pd.DataFrame(rows)


def verdict(low: float, high: float, expected: float) -> str:
    """Say whether an interval holds what is expected: `as predicted`, `below`, `above` or `one draw only`."""
    if math.isnan(low):
        return "one draw only"
    if low > expected:
        return "above"
    return "below" if high < expected else "as predicted"


def _draws(measured: Measured, distribution: str, rank: int) -> list[np.ndarray]:
    found = [each for draw, each in measured.projected.items() if draw[:2] == (distribution, rank)]
    if not found:
        known = sorted({draw[:2] for draw in measured.projected})
        raise InputError(f"distribution={distribution!r}, rank={rank} was not measured; these were: {known}.")
    return found


def _slope(ranks: pd.Series, errors: pd.Series) -> float:
    return float(np.polyfit(np.log(ranks), np.log(errors), 1)[0])
