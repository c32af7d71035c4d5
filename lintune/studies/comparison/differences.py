"""Methods against one of them, paired by draw, with intervals and a correction for many comparisons."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lintune.errors import unknown_name
from lintune.studies.comparison.compared import BASE
from lintune.studies.intervals import holm

BETTER, WORSE, NO_DIFFERENCE = "better", "worse", "no clear difference"
TOO_FEW, DIVERGED = "no spread to judge by", "some runs diverged"
# Each outcome with the sign that is good.
OUTCOMES = {"test_loss": -1, "test_score": 1}
LEVEL = 0.05


def against(
    rows: pd.DataFrame,
    base: str = BASE,
    outcome: str = "test_loss",
    methods: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return how each method's test outcome differs from that of one, and whether that is beyond chance.

    The two are paired by task and draw. The difference is the mean over tasks of the means over draws; its
    interval (not corrected) and its p-value are those of Student's t with Welch's degrees of freedom,
    from the spread over draws within the tasks. They are about other draws of these tasks with these test
    examples and the chosen learning rates, which all draws share, not about other tasks; `agree` counts
    tasks instead. A draw has examples of its own, and of methods that draw factors those.

    Args:
        rows: What `comparison` returns, for one or several tasks, with a column `task`.
        base: The method that the others are held against.
        outcome: `test_loss` or `test_score`.
        methods: Which others, a family for the correction; None for all.
        level: Of the intervals.

    Returns:
        A row per method: `method`, `difference` (method minus base), `low`, `high`, `p`, `adjusted` (Holm's),
        `tasks`, `agree` (of how many of them the difference has the sign of the whole), `pairs`, `left out`
        (draws on which one of the two diverged), and `verdict`: `better` or `worse` where the adjusted p is
        below 5 %, `no clear difference`, `no spread to judge by`, or `some runs diverged`: a mean over the
        draws on which both converged would compare them on the easier ones.

    Raises:
        InputError: An unknown outcome or method.
    """
    if outcome not in OUTCOMES:
        raise unknown_name("outcome", outcome, OUTCOMES)
    wide = outcomes(rows, outcome)
    for name in (base, *(methods or ())):
        if name not in wide:
            raise unknown_name("base" if name == base else "methods", name, [str(each) for each in wide])
    names = [name for name in (methods or wide) if name != base]
    found = pd.DataFrame([{"method": name, **difference(wide[name], wide[base], level)} for name in names])
    return judged(found, OUTCOMES[outcome])


def outcomes(rows: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return a final outcome by task and draw, a column per method; missing where training diverged."""
    runs = rows[rows.what == "run"]
    order = list(dict.fromkeys(runs.method))
    table = runs.pivot(index=["task", "seed"], columns="method", values=outcome)
    return table[order].astype(float)


def difference(left: pd.Series, right: pd.Series, level: float = 0.95) -> dict[str, Any]:
    """Return the mean paired difference of two columns by task and draw, its interval and p-value."""
    apart = (left - right).dropna()
    by_task = {str(task): each.to_numpy() for task, each in apart.groupby(level="task")}
    found = stratified(by_task, level)
    signs = [np.sign(each.mean()) for each in by_task.values()]
    return {
        "difference": found["mean"],
        **{name: found[name] for name in ("low", "high", "p")},
        "tasks": len(by_task),
        "agree": sum(sign == np.sign(found["mean"]) for sign in signs),
        "pairs": len(apart),
        "left out": len(left) - len(apart),
    }


def stratified(values: Mapping[str, np.ndarray], level: float = 0.95) -> dict[str, float]:
    """Return the mean over strata of their means, its interval, and the p-value of its being zero.

    Args:
        values: The values of each stratum; strata of one value leave the interval unknown, not-a-number.
        level: Of the interval.
    """
    if not values:
        return dict.fromkeys(("mean", "low", "high", "p"), np.nan)
    mean = float(np.mean([each.mean() for each in values.values()]))
    if min(len(each) for each in values.values()) < 2:
        return {"mean": mean, "low": np.nan, "high": np.nan, "p": np.nan}
    parts = np.array([each.var(ddof=1) / len(each) for each in values.values()]) / len(values) ** 2
    error = float(np.sqrt(parts.sum()))
    if error == 0:
        return {"mean": mean, "low": mean, "high": mean, "p": 1.0 if mean == 0 else np.nan}
    freedom = parts.sum() ** 2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, values.values(), strict=True)
    )
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return {"mean": mean, "low": mean - reach, "high": mean + reach, "p": p}


def judged(found: pd.DataFrame, good: int) -> pd.DataFrame:
    """Return differences with Holm's correction over all of them, and verdicts.

    Args:
        found: Rows with `difference`, `p` and `left out`.
        good: The sign of a difference in favour of the row's method.
    """
    p_values = {
        str(place): float(p) if not out else np.nan
        for place, (p, out) in enumerate(zip(found.p, found["left out"], strict=True))
    }
    adjusted = np.array(list(holm(p_values).values()))
    return found.assign(adjusted=adjusted, verdict=list(_verdicts(found, adjusted, good)))


def _verdicts(found: pd.DataFrame, adjusted: np.ndarray, good: int) -> Iterator[str]:
    for apart, out, p in zip(found.difference, found["left out"], adjusted, strict=True):
        if out:
            yield DIVERGED
        elif np.isnan(p):
            yield TOO_FEW
        elif p >= LEVEL:
            yield NO_DIFFERENCE
        else:
            yield BETTER if np.sign(apart) == good else WORSE
