"""Do the kernels at the start rank the methods as training does?"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lintune.studies.intervals import interval

# What a kernel says, with the outcome it is held against and the sign of the correlation to be expected.
FORETELLERS: dict[str, tuple[str, int]] = {
    "leave-one-out loss": ("test_loss", 1),
    "kernel test loss": ("test_loss", 1),
    "kernel score": ("test_score", 1),
    "alignment": ("test_loss", -1),
    "effective dimension": ("test_loss", -1),
    "trace": ("test_loss", -1),
    "parameters": ("test_loss", -1),
}


def pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the kernels said beside what training did, a row per task, draw and distinct kernel.

    Methods that differ in a penalty alone have one kernel at the start; the first of them stands for all.

    Args:
        rows: What `comparison` returns, with a column `task`.
    """
    keys = ["task", "seed", "method"]
    said = rows[rows.what == "kernel"].dropna(axis=1, how="all").drop(columns="what")
    did = rows[(rows.what == "run")][[*keys, "train_loss", "test_loss", "test_score"]]
    costs = rows[rows.what == "cost"][["task", "method", "parameters"]]
    distinct = said.drop_duplicates(["task", "seed", "leave-one-out loss", "trace", "alignment"])
    both = distinct.merge(did, on=keys).merge(costs, on=["task", "method"])
    names = [*FORETELLERS, "train_loss", "test_loss", "test_score"]
    return both.astype(dict.fromkeys(names, float)).dropna(subset=["test_loss"])


def correlations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's rank correlation over methods of what kernels say and what training does.

    It is taken within each task and draw; draws of a task are averaged, and intervals are Student's, 95 %,
    over tasks.

    Args:
        rows: What `comparison` returns, with a column `task`.

    Returns:
        A row per entry of `FORETELLERS`: `foreteller`, `outcome`, `expected`, `mean`, `low` and `high`
        (not-a-number from one task alone), `tasks`, `groups`, `agree`, in how many groups the sign is the
        expected one, and `verdict`: `foretells`, `the other way round`, `no clear relation`, `one task only`.
    """
    groups = list(pairs(rows).groupby(["task", "seed"]))
    found = []
    for name, (outcome, expected) in FORETELLERS.items():
        each = pd.Series([_spearman(group, name, outcome) for _, group in groups], dtype=float)
        by_task = each.groupby([key[0] for key, _ in groups]).mean().to_numpy()
        found.append(
            {
                "foreteller": name,
                "outcome": outcome,
                "expected": expected,
                **dict(zip(("mean", "low", "high"), interval(by_task), strict=True)),
                "tasks": len(by_task),
                "groups": len(groups),
                "agree": int((expected * each > 0).sum()),
            }
        )
    return pd.DataFrame([row | {"verdict": _verdict(row)} for row in found])


def _spearman(group: pd.DataFrame, left: str, right: str) -> float:
    if group[left].nunique() < 2 or group[right].nunique() < 2:
        return 0.0
    return float(stats.spearmanr(group[left], group[right]).statistic)


def _verdict(row: dict[str, Any]) -> str:
    if row["tasks"] < 2:
        return "one task only"
    if row["low"] <= 0 <= row["high"]:
        return "no clear relation"
    return "foretells" if np.sign(row["mean"]) == row["expected"] else "the other way round"
