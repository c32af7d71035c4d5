"""The cells of a sweep in one table: a line per model, task and method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lintune.studies.intervals import interval

# Numbers of a cell whose means over the seeds are told with their intervals.
SPREAD = ("test_score", "test_loss", "twin_accuracy", "test_gap", "agreement")
# Those whose means alone are.
MEAN = (
    "start_score", "start_loss", "train_loss", "validation_loss", "test_accuracy", "drift", "twin_drift",
    "gap", "train_gap", "seconds", "cpu_seconds", "peak_bytes", "predicted_seconds", "predicted_bytes",
)  # fmt: skip
_KEYS = ["model", "task", "method"]
# What is measured, and what had been planned for it.
_HELD = (
    ("seconds", "seconds", "predicted_seconds"),
    ("cpu", "cpu_seconds", "predicted_seconds"),
    ("memory", "peak_bytes", "predicted_bytes"),
)


def by_method(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the means over the seeds.

    Args:
        rows: A row per cell: `model`, `task`, `method`, `seed`, and what `lintune.studies.cells.cell`
            returns, the kernel's scalars as columns `kernel NAME`; `seconds`, `cpu_seconds`, `peak_bytes`,
            and `predicted_seconds` and `predicted_bytes`.

    Returns:
        A row per model, task and method, in the order of their first cells: `seeds`, how many there are;
        `parameters`, `chance`; `rates`, the chosen ones by seed, and `edges`, how often the chosen one is at
        an end of those tried; `twin_diverged`, how often; means of `SPREAD`, each with ` low` and ` high`
        ends of Student's 95 % interval over the seeds (NaN from one), of `MEAN`, and of every scalar of the
        kernel (over the seeds where it is finite; NaN where it nowhere is); `measured_over_predicted`
        seconds, the geometric mean.
    """
    scalars = [str(column) for column in rows if str(column).startswith("kernel ")]
    found = []
    for keys, mine in rows.groupby(_KEYS, sort=False):
        line: dict[str, Any] = dict(zip(_KEYS, keys, strict=True))
        line |= {"seeds": len(mine), "parameters": int(mine.parameters.iloc[0])}
        line |= {"chance": float(mine.chance.iloc[0]), "rates": [float(rate) for rate in mine.rate]}
        line |= {"edges": int(mine.at_edge.sum()), "twin_diverged": int(mine.twin_diverged.sum())}
        for name in SPREAD:
            line |= _spread(name, mine[name])
        line |= {name: _mean(mine[name]) for name in (*MEAN, *scalars)}
        line["measured_over_predicted"] = _ratio(mine)
        found.append(line)
    return pd.DataFrame(found)


def prediction(rows: pd.DataFrame) -> Mapping[str, float]:
    """Return how well the plan foretold seconds and memory, over all cells that have a prediction.

    Returns:
        `cells`; `inside`, the share of cells whose `seconds` lie within the plan's interval; and for
        `seconds` by the clock, `cpu` seconds and `memory`, of measured over predicted: the geometric mean
        `... ratio`, the `... smallest` and `... largest`, and `... spread`, the standard deviation of its
        logarithm (NaN from one cell).
    """
    told = rows[rows.predicted_seconds.notna()]
    if told.empty:
        return {"cells": 0}
    within = (told.seconds >= told.predicted_seconds_low) & (told.seconds <= told.predicted_seconds_high)
    found: dict[str, float] = {"cells": len(told), "inside": float(within.mean())}
    for name, measured, predicted in _HELD:
        logs = np.log((told[measured] / told[predicted]).to_numpy(dtype=float))
        found |= {
            f"{name} ratio": float(np.exp(logs.mean())),
            f"{name} smallest": float(np.exp(logs.min())),
            f"{name} largest": float(np.exp(logs.max())),
            f"{name} spread": float(logs.std(ddof=1)) if len(logs) > 1 else float("nan"),
        }
    return found


def _spread(name: str, column: pd.Series) -> dict[str, float]:
    values = column.astype(float).dropna().to_numpy()
    mean, low, high = interval(values) if len(values) else (float("nan"),) * 3
    return {name: mean, f"{name} low": low, f"{name} high": high}


def _mean(column: pd.Series) -> float:
    return float(column.astype(float).mean())


def _ratio(mine: pd.DataFrame) -> float:
    ratios = (mine.seconds / mine.predicted_seconds).astype(float).dropna()
    return float(np.exp(np.log(ratios).mean())) if len(ratios) else float("nan")
