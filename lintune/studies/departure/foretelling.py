"""Which numbers announce that a run leaves its twin: rank statistics by dial, with intervals over draws."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lintune.errors import unknown_name
from lintune.studies.departure.horizons import GROUPS, beyond
from lintune.studies.departure.ranks import ends, means, pairs_won, resamples, shares, spearman
from lintune.studies.departure.sides import THRESHOLD

# The dial that is turned, and what is held while it is; pooled, nothing is, over all draws.
DIALS: dict[str, list[str]] = {
    "alpha": ["draw", "rate", "steps"],
    "rate": ["draw", "alpha", "steps"],
    "steps": ["draw", "alpha", "rate"],
    "pooled": [],
}


def foretold(
    table: pd.DataFrame,
    predictors: Sequence[str] = tuple(GROUPS),
    dials: Sequence[str] = tuple(DIALS),
    threshold: float = THRESHOLD,
    outcome: str = "gap",
    seed: int = 0,
) -> pd.DataFrame:
    """Return how well each number ranks runs by whether, and by how far, they leave their twin.

    Args:
        table: What `horizons` returns.
        predictors: Columns of it.
        dials: Which of `DIALS`.
        threshold: A run is beyond its twin where the outcome exceeds it.
        outcome: `gap` at the end, or the `worst` on the way.
        seed: Of the resampling of draws.

    Returns:
        A row per dial and predictor: `dial`, `predictor`, `group`; `auc`, the share of pairs of a run beyond
        and one not, alike in all but the dial, in which the predictor is larger for the former, ties counted
        half; `pairs`, how many there are; `spearman`, the rank correlation with the outcome along the dial,
        averaged over draws (0 where the predictor never changes); `gain`, the AUC over that of the `best
        trivial` predictor of this dial, picked after the fact and read in the direction that suits it. AUC,
        correlation and gain have the ends of their 95 % percentile interval over draws resampled with
        replacement, not-a-number with fewer than three draws.
    """
    draws = table.draw.astype("category").cat.codes.to_numpy()
    weights = resamples(int(draws.max()) + 1, seed)
    left = beyond(table, threshold, outcome)
    found = []
    for dial in dials:
        strata = _strata(table, DIALS[dial])
        curves = {}
        for name in predictors:
            values = table[name].to_numpy(dtype=float)
            wins, pairs = pairs_won(values, left, strata, draws)
            curves[name] = shares(wins, pairs, weights)
            ranks = _correlations(values, table[outcome].to_numpy(dtype=float), strata, draws)
            found.append(
                {"dial": dial, "predictor": name, "group": GROUPS.get(name, ""), "pairs": int(pairs.sum())}
                | ends("auc", curves[name])
                | ends("spearman", means(ranks, weights))
            )
        best, bar = _best_trivial(curves)
        for row in found[-len(predictors) :]:
            row["best trivial"] = best
            row.update(ends("gain", curves[str(row["predictor"])] - bar))
    return pd.DataFrame(found)


def lead(
    table: pd.DataFrame,
    predictor: str,
    other: str,
    threshold: float = THRESHOLD,
    outcome: str = "gap",
    seed: int = 0,
) -> dict[str, float]:
    """Return by how much the AUC of a number exceeds that of another, over all pairs of runs.

    Args:
        table: What `horizons` returns, with at least one run.
        predictor: A column of it.
        other: The column that it is held against.
        threshold: A run is beyond its twin where the outcome exceeds it.
        outcome: `gap` at the end, or the `worst` on the way.
        seed: Of the resampling of draws, the same ones for both.

    Returns:
        `lead`, and its 95 % percentile interval from `lead low` to `lead high`; not-a-number where `foretold`
        has that.

    Raises:
        InputError: A column that is not there.
    """
    for name, value in (("predictor", predictor), ("other", other)):
        if value not in table:
            raise unknown_name(name, value, [str(column) for column in table])
    draws = table.draw.astype("category").cat.codes.to_numpy()
    weights, strata = resamples(int(draws.max()) + 1, seed), _strata(table, [])
    left = beyond(table, threshold, outcome)
    mine, others = (
        shares(*pairs_won(table[name].to_numpy(dtype=float), left, strata, draws), weights)
        for name in (predictor, other)
    )
    return ends("lead", mine - others)


def verdict(rows: pd.DataFrame, predictor: str, dial: str) -> str:
    """Say what the AUC of a predictor along a dial says.

    Args:
        rows: What `foretold` returns.
        predictor: One of its predictors.
        dial: One of `DIALS`.

    Returns:
        `announces it` where the interval of the AUC lies above 1/2, `the other way round` where below,
        `no better than chance` where it holds 1/2, and `too few draws` or `no pairs` where there is none.

    Raises:
        InputError: A name that is not there.
    """
    for name, value in (("predictor", predictor), ("dial", dial)):
        if value not in set(rows[name]):
            raise unknown_name(name, value, list(dict.fromkeys(rows[name])))
    row = rows[(rows.predictor == predictor) & (rows.dial == dial)].iloc[0]
    if not row.pairs:
        return "no pairs"
    if math.isnan(row["auc low"]):
        return "too few draws"
    if row["auc low"] > 0.5:
        return "announces it"
    return "the other way round" if row["auc high"] < 0.5 else "no better than chance"


def _strata(table: pd.DataFrame, held: list[str]) -> np.ndarray:
    """Return a number for each row that rows alike in what is held share."""
    if not held:
        return np.zeros(len(table), dtype=int)
    return table.groupby(held, sort=False).ngroup().to_numpy()


def _correlations(
    values: np.ndarray, outcome: np.ndarray, strata: np.ndarray, draws: np.ndarray
) -> np.ndarray:
    """Return Spearman's correlation by draw, averaged over its strata."""
    within, places = np.unique(np.stack([draws, strata]), axis=1, return_inverse=True)
    draw_of = within[0]
    return np.bincount(draw_of, spearman(values, outcome, places.ravel())) / np.bincount(draw_of)


def _best_trivial(curves: dict[str, np.ndarray]) -> tuple[str | None, np.ndarray]:
    """Return the trivial predictor with the largest AUC, in the direction that suits it, and its AUCs."""
    known = {name: curve for name, curve in curves.items() if GROUPS.get(name) == "trivial"}
    suited = {name: curve if curve[0] >= 0.5 else 1 - curve for name, curve in known.items()}
    suited = {name: curve for name, curve in suited.items() if not math.isnan(curve[0])}
    best = max(suited, key=lambda name: float(suited[name][0]), default=None)
    return best, np.full(1, np.nan) if best is None else suited[best]
