"""End to end: one run as the advisor says, against what the sweep ends with."""

from typing import Any

import numpy as np
import pandas as pd

from lintune.studies.advice.joined import KEYS
from lintune.studies.intervals import interval

FIRST, ASKED_DEFAULT = "first choice, suggested rate, one run", "default, suggested rate, one run"
WINNER, TUNED_DEFAULT, UNTRAINED = "the sweep's choice", "default, rate by trials", "no training"


def endings(sweep: pd.DataFrame, advice: pd.DataFrame, default: str) -> pd.DataFrame:
    """Return what each way of working comes to on every draw.

    Args:
        sweep: What `lintune.studies.sweep.sweep` returns, with a column `task`.
        advice: What `lintune.studies.advice.advices` returns, with a column `task`.
        default: Name of the usual default.

    Returns:
        A row per draw and way: `task`, `seed`, `way`, `candidate`, `rate`, `test_score`, `test_loss`. The
        score of a run that diverged is that of no training, its loss missing.
    """
    found: list[dict[str, Any]] = []
    for key, runs in sweep.groupby(KEYS, sort=False):
        start = runs[runs.candidate == "start"].iloc[0]
        swept = runs[runs.candidate != "start"]
        winner = swept.iloc[int(np.nanargmin(swept.validation_loss.astype(float)))]
        trained = advice[(advice.what == "trained") & (advice[KEYS] == list(key)).all(axis=1)]
        by_role = trained.set_index("role")
        ways = {
            WINNER: winner,
            FIRST: by_role.loc["first"],
            TUNED_DEFAULT: swept[swept.candidate == default].iloc[0],
            ASKED_DEFAULT: by_role.loc["default"],
            UNTRAINED: start,
        }
        for way, row in ways.items():
            score = float(start.test_score if pd.isna(row.test_score) else row.test_score)
            found.append(
                {
                    **dict(zip(KEYS, key, strict=True)),
                    "way": way,
                    "candidate": row.candidate,
                    "rate": float("nan") if way == UNTRAINED else row.rate,
                    "test_score": score,
                    "test_loss": float("nan") if pd.isna(row.test_loss) else float(row.test_loss),
                }
            )
    return pd.DataFrame(found)


def ending_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores of each way, and what the sweep's choice has more.

    Args:
        found: What `endings` returns.

    Returns:
        A row per way: `way`; `score`, its mean over tasks; `regret`, the sweep's minus its, with `low` and
        `high` (Student's, 95 %, over tasks); `each`, the regrets by task.
    """
    scores = found.groupby(["way", "task"], sort=False).test_score.mean().unstack("task")
    table = []
    for way, own in scores.iterrows():
        regret = scores.loc[WINNER] - own
        ends = dict(zip(("regret", "low", "high"), interval(regret.to_numpy()), strict=True))
        table.append({"way": way, "score": float(own.mean()), **ends, "each": regret.to_dict()})
    return pd.DataFrame(table)
