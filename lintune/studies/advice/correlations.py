"""Does the order that the advisor gives agree with that of real training?"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lintune.advise.ranking import combined
from lintune.advise.scores import SCORES
from lintune.studies.advice.joined import AT_RATE, COMBINATION, KEYS, OUTCOMES, SIGNS
from lintune.studies.intervals import interval


def correlations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rank correlations over candidates of what was said and what training came to.

    Spearman's correlation is taken within each task and draw, with signs such that 1 is the best; draws of a
    task are averaged, and intervals are Student's, 95 %, over tasks, cut to what is possible.

    Args:
        rows: What `joined` returns, of the tasks that count.

    Returns:
        A row per score and outcome: `score`, `outcome`, `mean`, `low` and `high` (NaN of one task),
        `tasks`, `groups`, `least` and `most` over groups, `cheap`, and `each` by group.
    """
    cheap = {score.name for score in SCORES if score.cheap}
    groups = list(rows.groupby(KEYS))
    found = []
    for name, outcome in itertools.product(
        [COMBINATION, AT_RATE, *(score.name for score in SCORES)], OUTCOMES
    ):
        each = pd.Series([agreement(group, name, outcome) for _, group in groups])
        means = each.groupby([task for (task, _), _ in groups]).mean()
        found.append(
            {
                "score": name,
                "outcome": outcome,
                **dict(zip(("mean", "low", "high"), np.clip(interval(means.to_numpy()), -1, 1), strict=True)),
                "tasks": len(means),
                "groups": len(groups),
                "least": float(each.min()),
                "most": float(each.max()),
                "cheap": name in cheap,
                "each": each.tolist(),
            }
        )
    return pd.DataFrame(found)


def agreement(group: pd.DataFrame, name: str, outcome: str) -> float:
    """Return Spearman's correlation of one group, 1 where the order is the same; 0 where one is constant."""
    said, came = SIGNS[name] * group[name], OUTCOMES[outcome] * group[outcome]
    if said.nunique() < 2 or came.nunique() < 2:
        return 0.0
    return float(stats.spearmanr(said, came).statistic)


def combinations(rows: pd.DataFrame, names: Sequence[str] | None = None, most: int = 3) -> pd.DataFrame:
    """Return how well averages of ranks of a few scores order candidates by test loss, the best first.

    Args:
        rows: What `joined` returns, of the tasks to choose on.
        names: The scores to combine; None for all that are no cheap heuristics.
        most: Most scores in a combination.

    Returns:
        A row per combination: `scores`, a tuple; `mean`, over tasks, of Spearman's correlation with the test
        loss at the candidate's own best rate; `training loss`, the same with the training loss.
    """
    pool = names or [score.name for score in SCORES if not score.cheap]
    groups = list(rows.groupby(KEYS))
    tasks = [task for (task, _), _ in groups]
    found: list[dict[str, Any]] = []
    for size in range(1, most + 1):
        for chosen in itertools.combinations(pool, size):
            each = [group.assign(**{COMBINATION: combined(group, chosen)}) for _, group in groups]
            row: dict[str, Any] = {"scores": chosen}
            for outcome, column in (("test loss", "mean"), ("training loss", "training loss")):
                values = pd.Series([agreement(group, COMBINATION, outcome) for group in each])
                row[column] = float(np.mean(values.groupby(tasks).mean()))
            found.append(row)
    return pd.DataFrame(found).sort_values("mean", ascending=False, kind="stable", ignore_index=True)
