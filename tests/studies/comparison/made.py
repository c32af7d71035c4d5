"""Rows such as the comparison makes, with chosen outcomes, and a tiny plan."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lintune.studies.comparison import Plan

TINY = Plan(
    depth=1,
    rank=2,
    count=2,
    examples=8,
    validation_examples=6,
    test_examples=9,
    steps=3,
    batch=4,
    search_draws=2,
    rounds=1,
    longest=32,
)


def runs(losses: Mapping[str, Mapping[str, Sequence[float | None]]]) -> pd.DataFrame:
    """Return rows of final runs from test losses by method, task and draw; None where a run diverged."""
    rows: list[dict[str, Any]] = []
    for method, by_task in losses.items():
        for task, each in by_task.items():
            for seed, loss in enumerate(each):
                row = {"what": "run", "method": method, "task": task, "seed": seed, "rate": 0.01}
                row |= {"at_edge": task == "b", "trials": 6, "diverged": loss is None}
                scores = {"train_loss": loss, "test_loss": loss}
                rows.append(row | scores | {"test_score": None if loss is None else 1 - loss / 2})
    return pd.DataFrame(rows)
