"""Scores over draws, and what to hold each against."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

# Ways that learn nothing: every score is held against them.
REFERENCES = ("chance", "majority", "zero-shot", "zero-shot, calibrated")


def references(rows: pd.DataFrame) -> dict[str, float]:
    """Return the median score of each way that learns nothing, where it was asked."""
    found = rows[rows.way.isin(REFERENCES)].groupby("way").score.median()
    return {way: float(found[way]) for way in REFERENCES if way in found.index}


def scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the ways that learn, over draws.

    Args:
        rows: What `lintune.studies.behaviour.behaviour` returns, for one task.

    Returns:
        A row per function and way, in the order of the study: `function`, `what`, and of the scores
        `median`, `lowest` and `highest`; missing where training diverged on every draw.
    """
    learnt = rows[~rows.way.isin(REFERENCES)]
    named = learnt.assign(
        what=[_name(row) for row in learnt.to_dict("records")], score=learnt.score.astype(float)
    )
    found = named.groupby(["function", "what"], sort=False).score.agg(["median", "min", "max"])
    return found.reset_index().rename(columns={"min": "lowest", "max": "highest"})


def _name(row: dict[Hashable, Any]) -> str:
    if row["way"] == "kernel":
        return f"kernel {row['kernel']}"
    return str(row["way"]) if pd.isna(row["optimiser"]) else f"{row['way']}, {row['optimiser']}"
