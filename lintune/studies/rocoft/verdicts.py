"""Differences paired by draw, with intervals, and what they say in words."""

import math

import numpy as np
import pandas as pd

from lintune.errors import InputError
from lintune.studies.intervals import holm, interval, p_value

WAY = ["kind", "count", "rule"]


def paired(
    rows: pd.DataFrame, against: tuple[str, str], value: str = "score", level: float = 0.05
) -> pd.DataFrame:
    """Hold every way against one of them, draw by draw.

    The seeds of a random rule are averaged first: a draw counts once. Draws of one task share their test
    examples, so the intervals are about other draws of training examples, for these tests.

    Args:
        rows: With `kind`, `count`, `rule`, `draw`, perhaps `task`, and the value; larger values are better.
        against: Kind and rule of the way that the others are held against; it has one count.
        value: Name of the value.
        level: Of the tests, adjusted for how many there are (Holm).

    Returns:
        A row per other way: `kind`, `count`, `rule`, the mean `difference`, its 95 % interval `low` to `high`
        (Student's), the adjusted `p`, and the `verdict`: `better`, `worse`, `no difference seen`, or `one
        draw only`.

    Raises:
        InputError: The way to hold against is missing, or is there with several counts.
    """
    keys = ["task", "draw"] if "task" in rows else ["draw"]
    means = rows.groupby([*WAY, *keys], sort=False)[value].mean().reset_index()
    own = (means.kind == against[0]) & (means.rule == against[1])
    if means[own]["count"].nunique() != 1:
        raise InputError(f"against={against} must be one way of the table, with one count.")
    base = means[own].set_index(keys)[value]
    found = []
    for (kind, count, rule), part in means[~own].groupby(WAY, sort=False):
        away = (part.set_index(keys)[value] - base).dropna().to_numpy()
        if not len(away):
            continue
        middle, low, high = interval(away)
        way = {"kind": kind, "count": count, "rule": rule}
        # Scores are multiples of one test example: draws that agree exactly have no spread to test by.
        p = p_value(away) if len(away) < 2 or np.ptp(away) else 1.0
        found.append(way | {"difference": middle, "low": low, "high": high, "p": p})
    return _judged(pd.DataFrame(found), level)


def agreement(by_layer: pd.DataFrame) -> dict[str, float | str]:
    """Hold squared distances of single layers against the variance that theory gives.

    Args:
        by_layer: Rows of random rules with `layer`, `seed`, `count`, `unbiased` and `predicted`.

    Returns:
        `ratio`, the mean over layers and seeds of the squared distance over what is predicted, whose
        expectation is 1; its 95 % interval `low` to `high` over layers and seeds, which are independent,
        counts of each being averaged (Student's, too short where the law has heavy tails); the `verdict`:
        `as predicted`, `above`, `below` or `one draw only`.
    """
    drawn = by_layer[by_layer.predicted > 0]
    ratios = (drawn.unbiased / drawn.predicted) ** 2
    each = ratios.groupby([drawn.layer, drawn.seed]).mean().to_numpy()
    middle, low, high = interval(each)
    verdict = (
        "one draw only"
        if math.isnan(low)
        else "above"
        if low > 1
        else "below"
        if high < 1
        else "as predicted"
    )
    return {"ratio": middle, "low": low, "high": high, "verdict": verdict}


def rank_agreement(rows: pd.DataFrame, one: str, other: str) -> float:
    """Return Spearman's rank correlation of two columns over the ways; NaN for fewer than three."""
    means = rows.groupby(WAY, sort=False)[[one, other]].mean().dropna()
    return float(means[one].corr(means[other], method="spearman")) if len(means) > 2 else math.nan


def _judged(found: pd.DataFrame, level: float) -> pd.DataFrame:
    adjusted = holm({str(place): float(p) for place, p in enumerate(found.p)})
    found["p"] = [adjusted[str(place)] for place in range(len(found))]
    pairs = zip(found.p.astype(float), found.difference.astype(float), strict=True)
    found["verdict"] = [_in_words(p, difference, level) for p, difference in pairs]
    return found


def _in_words(p: float, difference: float, level: float) -> str:
    if math.isnan(p):
        return "one draw only"
    if p >= level:
        return "no difference seen"
    return "better" if difference > 0 else "worse"
