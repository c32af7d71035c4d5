"""What the advisor was to reach, and whether it does."""

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from lintune.studies.advice.correlations import correlations
from lintune.studies.advice.endings import FIRST
from lintune.studies.advice.joined import AT_RATE, COMBINATION
from lintune.studies.advice.regrets import DEFAULT, HINDSIGHT, RANDOM, gains, regrets
from lintune.studies.intervals import interval

Verdict = Literal["met", "met, not clearly", "not met, not clearly", "not met"]
# The least rank correlation, the largest regret, and how much cheaper than the sweep.
AGREEMENT, REGRET, TIMES = 0.7, 0.01, 20.0


def verdict(value: float, low: float, high: float, least: float, strict: bool = False) -> Verdict:
    """Return whether an estimate reaches an aim, and whether its whole interval does.

    Args:
        value: The estimate.
        low: Lower end of its interval; NaN where there is none.
        high: Upper end.
        least: The aim; for an aim that is not to be exceeded, turn all signs.
        strict: Whether the aim itself is not enough.
    """
    if value > least or (value == least and not strict):
        return "met" if low > least or (low == least and not strict) else "met, not clearly"
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
        of one task); `wanted`, of which 0 itself is not enough; `most`, whether that is the most and not the
        least; `verdict`.
    """
    agree = correlations(rows)
    trained = _by(agree[agree.outcome == "training loss"], "score")
    cost, above = _by(regrets(rows, default), "rule"), _by(gains(rows, default), "over")
    behind = pd.Series(cost[COMBINATION]["each"]) - pd.Series(cost[HINDSIGHT]["each"])
    shares = ((ratios.advice + ratios.probe) / ratios.clocked).groupby(ratios.task).mean()
    real = "rank correlation with real training loss"
    return pd.DataFrame(
        [
            _row("rate", f"{real}: forecast at the same rate", _ends(trained[AT_RATE]), AGREEMENT),
            _row("order", f"{real}: combined order", _ends(trained[COMBINATION]), AGREEMENT),
            _row(
                "sweep",
                "score given up against the sweep's choice",
                _ends(cost[COMBINATION], "regret"),
                REGRET,
                most=True,
            ),
            _row(
                "hindsight",
                "score given up against the best in hindsight",
                interval(behind.to_numpy()),
                REGRET,
                most=True,
            ),
            _row(
                "once",
                "score given up end to end, one run with the suggested rate",
                _ends(_by(ends, "way")[FIRST], "regret"),
                REGRET,
                most=True,
            ),
            _row("default", "score gained over the usual default", _ends(above[DEFAULT]), 0.0),
            _row("random", "score gained over a random candidate", _ends(above[RANDOM]), 0.0),
            _row(
                "cost", "time, as a share of the sweep's", interval(shares.to_numpy()), 1 / TIMES, most=True
            ),
        ]
    )


def _row(
    key: str, aim: str, ends: tuple[float, float, float], wanted: float, most: bool = False
) -> dict[str, Any]:
    value, low, high = ends
    said = (
        verdict(-value, -high, -low, -wanted)
        if most
        else verdict(value, low, high, wanted, strict=not wanted)
    )
    plain = {"found": value, "low": low, "high": high, "wanted": wanted}
    return {"key": key, "aim": aim, **plain, "most": most, "verdict": said}


def _by(table: pd.DataFrame, name: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by one of its columns."""
    return {row[name]: {str(key): value for key, value in row.items()} for row in table.to_dict("records")}


def _ends(row: Mapping[str, Any], name: str = "mean") -> tuple[float, float, float]:
    return float(row[name]), float(row["low"]), float(row["high"])
