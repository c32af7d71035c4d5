"""The fair comparison in one table: a line per method."""

import numpy as np
import pandas as pd

from lintune.studies.comparison.compared import BASE
from lintune.studies.comparison.differences import outcomes, stratified


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what each method costs and reaches, over all tasks.

    Args:
        rows: What `comparison` returns, for one or several tasks, with a column `task`.

    Returns:
        By method: `parameters`; `seconds` a step, the mean over tasks, and `relative`, over that of `LoRA`;
        `peak_bytes`, the mean over tasks; `test_score` and `test_loss`, the mean over tasks of the means over
        draws, each with ` low` and ` high` ends of its 95 % interval over draws (not-a-number from one draw);
        `rates`, the chosen ones by task; `trials` of a task; `edges`, on how many tasks the chosen rate is at
        an end of those tried; `diverged`, how many final runs did; `seconds` and `peak_bytes` are missing
        where they were not measured.
    """
    costs, runs = rows[rows.what == "cost"], rows[rows.what == "run"]
    found = {}
    scores = {name: outcomes(rows, name) for name in ("test_score", "test_loss")}
    for name, mine in runs.groupby("method", sort=False):
        cost, choices = costs[costs.method == name], mine.drop_duplicates("task")
        found[name] = {
            "parameters": int(cost.parameters.iloc[0]),
            "seconds": _mean(cost.seconds),
            "peak_bytes": _mean(cost.peak_bytes),
            **_spread("test_score", scores["test_score"][name]),
            **_spread("test_loss", scores["test_loss"][name]),
            "rates": tuple(None if pd.isna(rate) else float(rate) for rate in choices.rate),
            "trials": int(mine.trials.iloc[0]),
            "edges": int(choices.at_edge.astype(bool).sum()),
            "diverged": int(mine.diverged.astype(bool).sum()),
        }
    whole = pd.DataFrame.from_dict(found, orient="index")
    base = whole.seconds.get(BASE, np.nan)
    whole.insert(2, "relative", whole.seconds / base)
    return whole


def _mean(values: pd.Series) -> float:
    return float(values.astype(float).mean())


def _spread(outcome: str, column: pd.Series) -> dict[str, float]:
    """Return the mean of a column by task and draw, and the ends of its interval."""
    by_task = {str(task): each.to_numpy() for task, each in column.dropna().groupby(level="task")}
    found = stratified(by_task)
    return {outcome: found["mean"], f"{outcome} low": found["low"], f"{outcome} high": found["high"]}
