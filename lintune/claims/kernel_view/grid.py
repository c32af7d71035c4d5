"""The committed grid of kernels, linearised models and networks, as the checks of this paper read it."""

from typing import Any, cast

import pandas as pd

from lintune.claims.evidence import Evidence, NotRun, table
from lintune.studies.behaviour import PROMPT, verdicts
from lintune.words import listed

RECORD = "behaviour_16.cpu"
# What asks for no training.
_UNTRAINED = ("chance", "majority", "zero-shot, calibrated")


def grid(evidence: Evidence) -> pd.DataFrame:
    """Return the rows of the grid, a row per way and draw.

    Raises:
        NotRun: The record is missing or has no rows.
    """
    needed = ("task", "function", "seed", "way", "optimiser", "kernel", "score", "chi", "chi_held_out")
    return table(evidence.result(RECORD).get("rows", []), *needed, "kernel_drift")


def trained(evidence: Evidence) -> str:
    """Return in words what was trained, as far as the grid's parameters say it; the grid was read before."""
    parts: list[dict[str, Any]] = list(evidence.parameters(RECORD).values())
    depths = sorted({int(part["depth"]) for part in parts if "depth" in part})
    steps = sorted({int(part["effort"]["steps"]) for part in parts if "steps" in part.get("effort", {})})
    told = [f"the last {listed(depths)} blocks trained"] if depths else []
    told += [f"{listed(steps)} steps"] if steps else []
    return ", ".join(told)


def pairs(evidence: Evidence) -> pd.DataFrame:
    """Return the verdicts on the prompted model for every task and optimiser.

    Returns:
        What `lintune.studies.behaviour.verdicts` returns, with the `case` in words and `learnt`: whether the
        median score after fine-tuning is above every answer that asks for no training.

    Raises:
        NotRun: No network was trained from a prompt.
    """
    rows, found = grid(evidence), []
    tests = min(int(part["test_examples"]) for part in evidence.parameters(RECORD).values())
    noise = 0.5 / tests**0.5  # the largest standard error of an accuracy
    for task, mine in rows[rows.function.isna() | (rows.function == PROMPT)].groupby("task", sort=False):
        judged = verdicts(mine, noise)
        bar = untrained(mine)
        if len(judged):
            learnt = judged["fine-tuned"].astype(float) > bar
            found.append(judged.assign(case=f"{task} by " + judged.optimiser, learnt=learnt))
    if not found:
        raise NotRun("no network was trained from a prompt")
    return pd.concat(found, ignore_index=True)


def untrained(rows: pd.DataFrame) -> float:
    """Return the best median score, over draws, of what asks for no training; rows of one task."""
    scores = rows[rows.way.isin(_UNTRAINED)].astype({"score": float}).groupby("way").score.median()
    return cast(float, scores.max())
