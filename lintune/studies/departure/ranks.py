"""Rank statistics of runs in draws, and intervals by resampling the draws."""

import math

import numpy as np
import pandas as pd

_RESAMPLES = 2000
# Below so many draws there is no interval.
_FEWEST = 3
_LEVELS = (0.025, 0.975)


def resamples(draws: int, seed: int) -> np.ndarray:
    """Return how often each draw counts, `(1 + B, D)`: once in the first row, at random in the others."""
    rng = np.random.default_rng(seed)
    size = _RESAMPLES if draws >= _FEWEST else 0
    return np.vstack([np.ones(draws), rng.multinomial(draws, np.full(draws, 1 / draws), size)])


def pairs_won(
    values: np.ndarray, left: np.ndarray, strata: np.ndarray, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return by draw of the run beyond and of the other `(D, D)` the pairs won, and all pairs."""
    count = int(draws.max()) + 1
    up, down = np.flatnonzero(left), np.flatnonzero(~left)
    alike = strata[up][:, None] == strata[down]
    with np.errstate(invalid="ignore"):
        larger = values[up][:, None] > values[down]
    won = larger + 0.5 * (values[up][:, None] == values[down])
    first, second = np.eye(count)[draws[up]], np.eye(count)[draws[down]]
    return first.T @ (won * alike) @ second, first.T @ alike.astype(float) @ second


def shares(wins: np.ndarray, pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the share of pairs won for each weighting of the draws; not-a-number where there is no pair."""
    total = np.einsum("bi,ij,bj->b", weights, pairs, weights)
    won = np.einsum("bi,ij,bj->b", weights, wins, weights)
    return np.divide(won, total, out=np.full(len(weights), np.nan), where=total > 0)


def means(each: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean over draws `(D,)` for each weighting of them."""
    return weights @ each / weights.sum(axis=1)


def spearman(values: np.ndarray, outcome: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation within each stratum, numbered from 0; 0 where one never changes."""
    sizes = np.bincount(strata)
    ranks = []
    for each in (values, outcome):
        rank = pd.Series(each).groupby(strata).rank().to_numpy()
        ranks.append(rank - (np.bincount(strata, rank) / sizes)[strata])
    both, *squares = (
        np.bincount(strata, left * right) for left, right in (ranks, ranks[:1] * 2, ranks[1:] * 2)
    )
    scale = np.sqrt(squares[0] * squares[1])
    return np.divide(both, scale, out=np.zeros(len(sizes)), where=scale > 1e-9)


def ends(name: str, curve: np.ndarray) -> dict[str, float]:
    """Return the estimate, first in the curve, and the interval of the others."""
    known = curve[1:][~np.isnan(curve[1:])]
    low, high = np.quantile(known, _LEVELS) if len(known) else (math.nan, math.nan)
    return {name: float(curve[0]), f"{name} low": float(low), f"{name} high": float(high)}
