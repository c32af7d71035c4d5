"""What the advisor said beside what training did: a row per task, draw and candidate."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lintune.advise.ranking import COMBINED, combined
from lintune.advise.scores import SCORES
from lintune.errors import InputError

# The combination was chosen on these, which share sentences with each other; the others share none with them.
CHOICE_TASKS = ("mr", "subj-rebuilt")
KEYS = ["task", "seed"]
# What training comes to, with the sign that makes less better.
OUTCOMES: dict[str, int] = {"training loss": 1, "test loss": 1, "test score": -1}
# Scores of the advisor that are no cheap heuristics, the combination, and the linear run at the sweep's rate.
AT_RATE = "predicted training loss at the same rate"
COMBINATION = "combined"
SIGNS: dict[str, int] = {score.name: score.sign for score in SCORES} | {COMBINATION: 1, AT_RATE: 1}


def joined(sweep: pd.DataFrame, advice: pd.DataFrame) -> pd.DataFrame:
    """Put both side by side.

    Args:
        sweep: What `lintune.studies.sweep.sweep` returns, with a column `task`.
        advice: What `lintune.studies.advice.advices` returns, with a column `task`.

    Returns:
        A row per task, draw and candidate: `task`, `seed`, `candidate`, `held` (whether the combination was
        chosen on other tasks), every one of `SIGNS`; `training loss` at the sweep's first rate, infinite
        where it diverged; `test loss` and `test score` at the rate that the sweep chose for the candidate,
        infinite and that of the start where every rate diverged;
        `validation loss`, by which it did; `rate`, that rate; `suggested`, the advisor's; and `tie`.

    Raises:
        InputError: A candidate of the one is missing in the other.
    """
    scores = advice[advice.what == "score"]
    start = sweep[sweep.candidate == "start"].set_index(KEYS).test_score.astype(float)
    runs = sweep[sweep.candidate != "start"]
    both = runs.merge(scores, on=[*KEYS, "candidate"], how="outer", indicator=True, suffixes=("", " said"))
    if (both._merge != "both").any():
        lost = both[both._merge != "both"].iloc[0]
        raise InputError(
            f"sweep and advice differ: {lost.task} {lost.seed} {lost.candidate!r} is in one only."
        )
    first = [trials[0]["rate"] for trials in both.trials]
    ends = [trials[0]["train_loss"] for trials in both.trials]
    found = pd.DataFrame(
        {
            "task": both.task,
            "seed": both.seed,
            "candidate": both.candidate,
            "held": ~both.task.isin(CHOICE_TASKS),
            "training loss": [np.inf if end is None else end for end in ends],
            "test loss": both.test_loss.astype(float).fillna(np.inf),
            "test score": both.test_score.astype(float).fillna(
                pd.Series([start[key] for key in zip(both.task, both.seed, strict=True)], both.index)
            ),
            "validation loss": both.validation_loss.astype(float).fillna(np.inf),
            "rate": both.rate.astype(float),
            "suggested": both["rate said"].astype(float),
            "tie": both.tie.astype(bool),
            AT_RATE: [
                next(each["train_loss"] for each in predicted if np.isclose(each["rate"], rate))
                for predicted, rate in zip(both.predicted, first, strict=True)
            ],
            # A record holds no infinity: the condition number of a singular kernel is missing there.
            **{score.name: both[_said(both, score.name)].astype(float).fillna(np.inf) for score in SCORES},
        }
    )
    return reordered(found, COMBINED)


def reordered(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows with other scores combined.

    Args:
        rows: A row per task, draw and candidate, as `joined` returns them.
        names: Names in `lintune.advise.SCORES`.
    """
    orders = [pd.Series(combined(group, names), group.index) for _, group in rows.groupby(KEYS)]
    return rows.assign(**{COMBINATION: pd.concat(orders)})


def _said(both: pd.DataFrame, name: str) -> str:
    return f"{name} said" if f"{name} said" in both else name
