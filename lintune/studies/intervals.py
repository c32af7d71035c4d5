"""Means with Student's intervals, and verdicts that take many comparisons at once into account."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats


def interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and Student's interval of it; its ends are NaN for fewer than two values.

    Args:
        values: `(n,)` independent values, such as paired differences by draw.
        level: Probability with which the interval holds the mean, where the values are normal.
    """
    found = np.asarray(values, dtype=float)
    middle = float(found.mean())
    if len(found) < 2:
        return middle, math.nan, math.nan
    half = float(stats.t.ppf((1 + level) / 2, len(found) - 1) * found.std(ddof=1)) / math.sqrt(len(found))
    return middle, middle - half, middle + half


def p_value(values: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p value of Student's test that the mean is 0; NaN for fewer than two values.

    Values that are all the same have no spread to test by: p is 1 where they are 0, and else NaN.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < 2:
        return math.nan
    if np.ptp(found) <= 1e-12 * np.abs(found).max():  # rounding alone tells them apart
        return 1.0 if found[0] == 0 else math.nan
    return float(stats.ttest_1samp(found, 0.0).pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p values adjusted for how many there are (Holm, 1979); NaN ones stay and do not count.

    Where the adjusted value is below a level, so is the probability that any true hypothesis among them
    is rejected.
    """
    tested = sorted((name for name, p in p_values.items() if not math.isnan(p)), key=p_values.__getitem__)
    adjusted, highest = dict(p_values), 0.0
    for rank, name in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - rank) * p_values[name]))
        adjusted[name] = highest
    return adjusted
