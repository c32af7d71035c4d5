"""Exponents: how a number of steps grows with d, k or xi, with an interval over instances."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lintune.errors import InputError

_RESAMPLES = 2000


@dataclass(frozen=True)
class Exponent:
    """A straight line on log-log axes.

    Attributes:
        value: Its slope.
        low: Lower end of the 95 % bootstrap interval over instances.
        high: Upper end.
        level: Logarithm of the mean curve at x = 1.
        instances: How many count: those that arrived at every x.
        censored: How many do not.
    """

    value: float
    low: float
    high: float
    level: float
    instances: int
    censored: int

    def holds(self, value: float) -> bool:
        """Return whether the interval holds a value."""
        return self.low <= value <= self.high

    def at(self, x: np.ndarray) -> np.ndarray:
        """Return the line at some x."""
        return np.asarray(np.exp(self.level + self.value * np.log(x)))


def exponent(
    table: pd.DataFrame, x: str, y: str, *, paired: bool = True, weigh: bool = False, seed: int = 0
) -> Exponent:
    """Fit the mean of y over instances to a power of x, by least squares of its logarithm.

    An instance that did not arrive somewhere (y is NaN) is left out everywhere, where instances are paired,
    else there: what is censored is long, so that the fit is then too low where x is large.

    Args:
        table: A row for each instance and x: `instance`, and the columns `x` and `y`.
        x: What grows.
        y: The number of steps.
        paired: Whether an instance is the same one at every x; it is then drawn again as a whole.
        weigh: Whether means are arithmetic, an instance counting in units of its own mean over x, so that a
            start that happens to be near u does not decide. Else they are geometric.
        seed: Seed of the bootstrap.

    Raises:
        InputError: There are fewer than two values of x, or fewer than two instances count.
    """
    values = table.pivot_table(index="instance", columns=x, values=y, dropna=False).clip(lower=1)
    points, steps = np.log(values.columns.to_numpy(dtype=float)), values.to_numpy()
    whole = ~np.isnan(steps).any(1)
    used = steps[whole] if paired else steps
    if len(points) < 2 or len(used) < 2 or np.isnan(used).all(0).any():
        raise InputError(f"{y} against {x} has {len(points)} x and {whole.sum()} whole instances: too few.")
    used = used / np.nanmean(used, axis=1, keepdims=True) if weigh else np.log(used)
    curves = _resampled(used, paired, np.random.default_rng(seed))
    curves = np.log(curves) if weigh else curves
    centred = points - points.mean()
    slopes = curves @ centred / (centred @ centred)
    low, high = np.nanquantile(slopes[1:], [0.025, 0.975])
    level = float(np.nanmean(np.log(steps[whole] if paired else steps), axis=0).mean())
    value = float(slopes[0])
    return Exponent(
        value,
        float(low),
        float(high),
        level - value * float(points.mean()),
        int(whole.sum()),
        int((~whole).sum()),
    )


def _resampled(values: np.ndarray, paired: bool, random: np.random.Generator) -> np.ndarray:
    """Return means over instances, `(1 + B, X)`: of all, then of each drawing of instances."""
    count, number = values.shape
    if paired:
        drawn = values[random.integers(count, size=(_RESAMPLES, count))].mean(1)
    else:
        drawn = np.stack(
            [
                np.nanmean(values[random.integers(count, size=(_RESAMPLES, count)), column], axis=1)
                for column in range(number)
            ],
            axis=1,
        )
    return np.concatenate([np.nanmean(values, axis=0)[None], drawn])


def tuned(table: pd.DataFrame, by: str, y: str, arrive: float = 0.9) -> pd.DataFrame:
    """Return, at every x, the rows of the step size with the least geometric mean of y.

    Only step sizes count with which at least a share of the instances arrives; where there is none, the one
    with which most do.

    Args:
        table: Rows of `sweep`.
        by: The column x.
        y: `weak` or `strong`.
        arrive: The share.
    """
    kept = []
    for _, rows in table.groupby(by, sort=True):
        groups = rows.groupby("factor")[y]
        arrived = groups.apply(lambda each: each.notna().mean())
        cost = groups.apply(lambda each: np.log(each.clip(lower=1)).mean())
        allowed = arrived >= min(arrive, arrived.max())
        kept.append(rows[rows.factor == cost[allowed].idxmin()])
    return pd.concat(kept, ignore_index=True)


def linear_in_d(found: Exponent) -> str:
    """Return a verdict on the exponent of d: by rules in code."""
    if found.holds(1):
        return "linear, within the interval"
    if found.value > 1:
        return "slightly steeper than linear" if found.value < 1.25 else "steeper than linear"
    return "slightly flatter than linear" if found.value > 0.75 else "flatter than linear"
