"""How often a verdict from the end of a run alone is the one that the twin gives."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lintune.studies.departure.horizons import AT_END, beyond
from lintune.studies.departure.ranks import ends, pairs_won, resamples, shares
from lintune.studies.departure.sides import THRESHOLD

_END = {name: f"end: {name}" for name in AT_END}


def accuracies(
    table: pd.DataFrame,
    truth: float = THRESHOLD,
    outcome: str = "gap",
    columns: Mapping[str, str] = _END,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how well each number at the end of a run tells on which side of the twin it is.

    Args:
        table: What `horizons` returns, with at least one run.
        truth: A run is beyond its twin where its outcome exceeds this.
        outcome: `gap` at the end, or the `worst` on the way.
        columns: Columns of the table by name of the measure; those of `AT_END` unless others are given.
        seed: Of the resampling of draws.

    Returns:
        A row per measure: `measure`; `auc` over pairs of all draws; `fixed`, the share of runs on
        which the side by the threshold `THRESHOLD` of the measure is that of the twin; `fitted`, the same
        with the threshold that is best on the other draws, not-a-number for one draw; `threshold`, the
        best on all draws; each but the last with the ends of its 95 % percentile interval over draws
        resampled with replacement, not-a-number with fewer than three. And `chance`, what the more frequent
        side alone gets right.
    """
    left, draws = beyond(table, truth, outcome), table.draw.astype("category").cat.codes.to_numpy()
    weights, strata = resamples(int(draws.max()) + 1, seed), np.zeros(len(table), dtype=int)
    found = []
    for name, column in columns.items():
        values = table[column].to_numpy(dtype=float)
        fixed = ((values > THRESHOLD) == left).astype(float)
        found.append(
            {"measure": name, "threshold": best_threshold(values, left), "chance": chance(left)}
            | ends("auc", shares(*pairs_won(values, left, strata, draws), weights))
            | ends("fixed", _mean(fixed, draws, weights))
            | ends("fitted", _mean(_from_others(values, left, draws), draws, weights))
        )
    return pd.DataFrame(found)


def chance(left: np.ndarray) -> float:
    """Return the share of runs on the more frequent side."""
    return float(max(left.mean(), 1 - left.mean()))


def best_threshold(values: np.ndarray, left: np.ndarray) -> float:
    """Return the threshold with most verdicts right: between two values, the lowest of equally good ones."""
    finite = np.unique(values[np.isfinite(values)])
    if not len(finite):
        return THRESHOLD
    between = np.concatenate([[finite[0] / 2], (finite[1:] + finite[:-1]) / 2, [2 * finite[-1]]])
    right = [np.mean((values > each) == left) for each in between]
    return float(between[int(np.argmax(right))])


def _from_others(values: np.ndarray, left: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return whether each verdict is right by the threshold that is best on the other draws."""
    right = np.full(len(values), np.nan)
    for draw in np.unique(draws):
        mine = draws == draw
        if not mine.all():
            threshold = best_threshold(values[~mine], left[~mine])
            right[mine] = (values[mine] > threshold) == left[mine]
    return right


def _mean(right: np.ndarray, draws: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the share of verdicts that are right for each weighting of the draws."""
    per_draw = np.eye(weights.shape[1])[draws]
    return (weights @ (per_draw.T @ right)) / (weights @ per_draw.sum(axis=0))
