"""Why a choice gains what it gains: how much there is to gain, what chance adds, where the choice stands."""

import math

import pandas as pd

from lintune.studies.advice.joined import COMBINATION, KEYS


def room(rows: pd.DataFrame, default: str, test_examples: int) -> pd.DataFrame:
    """Return what bounds the gain of any choice, a row per task and draw.

    Args:
        rows: What `lintune.studies.advice.joined` returns.
        default: Name of the usual default.
        test_examples: How many test examples a score is of.

    Returns:
        `task`, `seed`; `spread`, the standard deviation of test scores over candidates that did not diverge;
        `error`, the standard error of one score, sqrt(s (1 - s) / m) at their mean s; `best above default`,
        the highest score minus the default's; `place` and `default place`, how many of the other candidates,
        as a share, have a lower test loss than the first choice, and than the default; `diverged`, how many
        candidates diverged at every rate.
    """
    found = []
    for (task, seed), group in rows.groupby(KEYS, sort=False):
        scores = group["test score"][group["test score"] >= 0]
        mean = float(scores.mean())
        own = group.loc[group.candidate == default].iloc[0]
        first = group.iloc[int(group[COMBINATION].to_numpy().argmin())]
        found.append(
            {
                "task": task,
                "seed": seed,
                "spread": float(scores.std(ddof=1)),
                "error": math.sqrt(mean * (1 - mean) / test_examples),
                "best above default": float(scores.max() - own["test score"]),
                "place": _below(group, first),
                "default place": _below(group, own),
                "diverged": len(group) - len(scores),
            }
        )
    return pd.DataFrame(found)


def _below(group: pd.DataFrame, row: pd.Series) -> float:
    return float((group["test loss"] < row["test loss"]).sum()) / max(1, len(group) - 1)
