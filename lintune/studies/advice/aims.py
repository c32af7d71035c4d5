"""What the advisor was to reach, and whether it does."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from lintune.studies.advice.correlations import correlations
from lintune.studies.advice.endings import FIRST
from lintune.studies.advice.joined import AT_RATE, COMBINATION
from lintune.studies.advice.regrets import DEFAULT, HINDSIGHT, RANDOM, gains, regrets
from lintune.studies.intervals import interval

Verdict = Literal["met", "met, not clearly", "not met, not clearly", "not met"]
# The least rank correlation, the largest regret, and how much cheaper than the sweep.
AGREEMENT, REGRET, TIMES = 0.7, 0.01, 20.0


def verdict(value: float, low: float, high: float, least: float) -> Verdict:
    """Return whether an estimate reaches an aim, and whether its whole interval does.

    Args:
        value: The estimate.
        low: Lower end of its interval; NaN where there is none.
        high: Upper end.
        least: The aim; for an aim that is not to be exceeded, turn all signs.
    """
    if value >= least:
        return "met" if low >= least else "met, not clearly"
    return "not met" if high < least else "not met, not clearly"


def aims(rows: pd.DataFrame, default: str, ratios: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Return the aims with what was found.

    Args:
        rows: What `lintune.studies.advice.joined` returns, of tasks on which nothing was chosen.
        default: Name of the usual default.
        ratios: What `lintune.studies.advice.costs` returns, of the same tasks.
        ends: What `lintune.studies.advice.ending_table` returns, of the same tasks.

    Returns:
        A row per aim: `key` and `aim`, in words; `found`, `low` and `high` (Student's, 95 %, over tasks; NaN
        of one task); `wanted`; `most`, whether that is the most and not the least; `verdict`.
    """
    agree = correlations(rows)
    agree = agree[agree.outcome == "training loss"].set_index("score")
    cost = regrets(rows, default).set_index("rule")
    above = gains(rows, default).set_index("over")
    behind = pd.Series(cost.each[HINDSIGHT]).rsub(pd.Series(cost.each[COMBINATION]))
    shares = ((ratios.advice + ratios.probe) / ratios.sweep).groupby(ratios.task).mean()
    real = "rank correlation with real training loss"
    return pd.DataFrame(
        [
            _row("rate", f"{real}: forecast at the same rate", _ends(agree.loc[AT_RATE]), AGREEMENT),
            _row("order", f"{real}: combined order", _ends(agree.loc[COMBINATION]), AGREEMENT),
            _row(
                "sweep",
                "score given up against the sweep's choice",
                _ends(cost.loc[COMBINATION], "regret"),
                REGRET,
                most=True,
            ),
            _row(
                "hindsight",
                "score given up against the best in hindsight",
                _interval(behind.to_numpy()),
                REGRET,
                most=True,
            ),
            _row(
                "once",
                "score given up end to end, one run with the suggested rate",
                _ends(ends.set_index("way").loc[FIRST], "regret"),
                REGRET,
                most=True,
            ),
            _row("default", "score gained over the usual default", _ends(above.loc[DEFAULT]), 0.0),
            _row("random", "score gained over a random candidate", _ends(above.loc[RANDOM]), 0.0),
            _row(
                "cost", "time, as a share of the sweep's", _interval(shares.to_numpy()), 1 / TIMES, most=True
            ),
        ]
    )


def _row(
    key: str, aim: str, ends: tuple[float, float, float], wanted: float, most: bool = False
) -> dict[str, Any]:
    value, low, high = ends
    said = verdict(-value, -high, -low, -wanted) if most else verdict(value, low, high, wanted)
    plain = {"found": value, "low": low, "high": high, "wanted": wanted}
    return {"key": key, "aim": aim, **plain, "most": most, "verdict": said}


def _ends(row: Mapping[str, Any] | pd.Series, name: str = "mean") -> tuple[float, float, float]:
    return float(row[name]), float(row["low"]), float(row["high"])


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    return interval(values)
