"""Is what the advisor says about itself borne out: its probe, and its ties?"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lintune.studies.advice.joined import KEYS


def probes(advice: pd.DataFrame) -> pd.DataFrame:
    """Return what probes said beside how wrong the forecast was, a row per probe.

    Args:
        advice: What `lintune.studies.advice.advices` returns, with a column `task`.

    Returns:
        `task`, `seed`, `role`, `candidate`, `share` and `verdict` of the probe; `test_loss` and `train_loss`
        of the run with the suggested rate; `predicted_test_loss` and `predicted_train_loss`, the forecast's;
        `wrong` and `train wrong`, how far these are apart. Losses are infinite where training diverged.
    """
    named = [*KEYS, "candidate"]
    scores = advice[advice.what == "score"].to_dict("records")
    said = {tuple(row[key] for key in named): row for row in scores}
    found: list[dict[str, Any]] = []
    for row in advice[advice.what == "trained"].to_dict("records"):
        forecast = said[tuple(row[key] for key in named)]
        test, train = (_number(row[name]) for name in ("test_loss", "train_loss"))
        held, fitted = (float(forecast[f"predicted {name} loss"]) for name in ("held-out", "training"))
        found.append(
            {
                **{key: row[key] for key in (*KEYS, "role", "candidate", "verdict")},
                "share": _number(row["share"]),
                "test_loss": test,
                "train_loss": train,
                "predicted_test_loss": held,
                "predicted_train_loss": fitted,
                "wrong": abs(test - held),
                "train wrong": abs(train - fitted),
            }
        )
    return pd.DataFrame(found)


def warning(table: pd.DataFrame) -> float:
    """Return Spearman's correlation of the probe's share with how wrong the forecast was; NaN of one value.

    Args:
        table: What `probes` returns.
    """
    if table.share.nunique() < 2 or table.wrong.nunique() < 2:
        return float("nan")
    return float(stats.spearmanr(table.share, table.wrong).statistic)


def tie_spreads(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how different candidates really are that the advisor could not tell apart.

    Args:
        rows: What `lintune.studies.advice.joined` returns.

    Returns:
        A row per task and draw: `task`, `seed`, `tied`, how many tie with the first choice, itself
        included; `candidates`; `spread` and `spread of all`, the standard deviation of their test losses
        and of those of all candidates (NaN of one); `mean` and `mean of others`, mean test losses of those
        that tie and of those that do not. Runs that diverged are left out.
    """
    found = []
    for (task, seed), group in rows.groupby(KEYS, sort=False):
        whole = group[np.isfinite(group["test loss"])]
        tied, others = whole[whole.tie]["test loss"], whole[~whole.tie]["test loss"]
        found.append(
            {
                "task": task,
                "seed": seed,
                "tied": int(group.tie.sum()),
                "candidates": len(group),
                "spread": float(tied.std(ddof=1)),
                "spread of all": float(whole["test loss"].std(ddof=1)),
                "mean": float(tied.mean()),
                "mean of others": float(others.mean()),
            }
        )
    return pd.DataFrame(found)


def _number(value: Any) -> float:
    """Return a number; infinity where a record has none because training diverged."""
    return float("inf") if value is None or np.isnan(value) else float(value)
