"""The tasks of the sweep at a glance."""

from collections.abc import Mapping

import pandas as pd


def overview(
    sweep: pd.DataFrame, rows: pd.DataFrame, default: str, titles: Mapping[str, str]
) -> pd.DataFrame:
    """Return what training comes to on each task, those on which nothing was chosen first.

    Args:
        sweep: What `lintune.studies.sweep.sweep` returns, with a column `task`.
        rows: What `lintune.studies.advice.joined` returns.
        default: Name of the usual default.
        titles: Titles of the tasks.

    Returns:
        A row per task: `task`, its title; `used`, what it is used for; `draws`; test scores of `no training`
        and `the default`, and the `mean`, `lowest` and `highest` of all candidates that did not diverge, at
        the rates that the sweep chose.
    """
    start = sweep[sweep.candidate == "start"].groupby("task").test_score.mean().astype(float)
    found = rows[rows["test score"] >= 0].groupby("task")["test score"]
    own = rows[rows.candidate == default].groupby("task")["test score"].mean()
    used = rows.groupby("task").held.first().map({True: "held out", False: "chosen on"})
    table = pd.DataFrame(
        {
            "task": pd.Series(titles),
            "used": used,
            "draws": rows.groupby("task").seed.nunique(),
            "no training": start,
            "the default": own,
            "mean": found.mean(),
            "lowest": found.min(),
            "highest": found.max(),
        }
    )
    return table.sort_values("used", ascending=False, kind="stable")
