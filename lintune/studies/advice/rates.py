"""Are the suggested learning rates near those that trials find, and are predicted losses near real ones?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lintune.studies.advice.joined import KEYS, joined


def rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how far suggested learning rates are from those that trials chose, a row per task.

    Args:
        rows: What `lintune.studies.advice.joined` returns.

    Returns:
        `task`; `factor`, the geometric mean of suggested over chosen rate; `spread`, the factor that is one
        standard deviation of it; `within`, the share of candidates for which the two are within a factor of
        four, the sweep's own spacing.
    """
    found = []
    for task, group in rows.dropna(subset=["rate"]).groupby("task", sort=False):
        logs = np.log((group.suggested / group.rate).to_numpy())
        found.append(
            {
                "task": task,
                "factor": float(np.exp(logs.mean())),
                "spread": float(np.exp(logs.std(ddof=1))) if len(logs) > 1 else float("nan"),
                "within": float((np.abs(logs) <= np.log(4) + 1e-9).mean()),
            }
        )
    return pd.DataFrame(found)


def curves(sweep: pd.DataFrame, advice: pd.DataFrame) -> pd.DataFrame:
    """Return real losses of every trial of the sweep beside those of the linear run at the same rate.

    Args:
        sweep: What `lintune.studies.sweep.sweep` returns, with a column `task`.
        advice: What `lintune.studies.advice.advices` returns, with a column `task`.

    Returns:
        A row per trial that did not diverge: `task`, `seed`, `candidate`, `rate`, `train_loss` and
        `validation_loss`, and the same with `predicted_` before them. Trials at rates that were not predicted
        are left out.
    """
    joined(sweep, advice)  # refuses what does not fit together
    said = advice[advice.what == "score"].set_index([*KEYS, "candidate"]).predicted
    found: list[dict[str, Any]] = []
    for row in sweep[sweep.candidate != "start"].to_dict("records"):
        predicted = said[row["task"], row["seed"], row["candidate"]]
        found += [
            {**{key: row[key] for key in (*KEYS, "candidate")}, **pair}
            for trial in row["trials"]
            if (pair := _pair(trial, predicted))
        ]
    return pd.DataFrame(found)


def _pair(trial: Mapping[str, Any], predicted: list[Mapping[str, float]]) -> dict[str, float]:
    beside = [each for each in predicted if np.isclose(each["rate"], trial["rate"])]
    if trial["train_loss"] is None or not beside:
        return {}
    names = ("train_loss", "validation_loss")
    return {
        "rate": trial["rate"],
        **{name: trial[name] for name in names},
        **{f"predicted_{name}": beside[0][name] for name in names},
    }
