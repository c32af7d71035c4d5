"""From the rows of a study to one row per possible end of a run, with all that was known before it."""

from typing import Any

import numpy as np
import pandas as pd

from lintune.studies.departure.sides import THRESHOLD
from lintune.studies.departure.study import EARLY

RUN = ["draw", "alpha", "rate"]
# What is known at the early checkpoint, by column of the rows.
_EARLY = {
    "non-linear share": "train_share",
    "non-linear share (unseen)": "test_share",
    "curvature along the update": "bend",
    "kernel drift": "kernel_drift",
    "drift": "drift",
}
_SO_FAR = "gap so far (needs the twin)"
# What the twin foretells before the network is trained.
_BEFORE = {
    "curvature along the twin's update": "twin_bend",
    "kernel drift at the twin's end": "twin_kernel_drift",
    "drift of the twin": "twin_drift",
}
# What is known of a run without any of these; the first two at the early checkpoint.
_TRIVIAL = ("loss drop", "outputs moved", "learning rate", "1 / alpha", "rate x steps", "steps")
GROUPS = {
    **dict.fromkeys(_BEFORE, "before training"),
    **dict.fromkeys([*_EARLY, _SO_FAR], "after 1/8 of the steps"),
    **dict.fromkeys(_TRIVIAL, "trivial"),
}
# The same, each as it is at the end of the run, for a verdict without a twin.
AT_END = {
    "non-linear share": "train_share",
    "non-linear share (unseen)": "test_share",
    "curvature along the update": "bend",
    "kernel drift": "kernel_drift",
    "drift": "drift",
    "outputs moved": "train_moved",
}


def horizons(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per run and number of steps at which it may end.

    Args:
        rows: What `departures` returns, with the columns `task` and `seed`.

    Returns:
        `draw`, the task and the seed; `alpha`, `rate`, `steps`; `gap`, on the test examples at the end;
        `worst`, the largest such gap at any checkpoint so far; every entry of `GROUPS`, larger where
        departure is expected, to three digits, so that what differs by rounding is a tie; and every entry
        of `AT_END`, with "end: " before its name. What a run had lost by diverging is infinite.
    """
    rows = rows.assign(draw=rows.task.astype(str) + " " + rows.seed.astype(str))
    ends = rows[rows.twin_kernel_drift.notna()]
    runs = {key: run.set_index("step") for key, run in rows.groupby(RUN)}
    return pd.DataFrame([_horizon(runs[tuple(end[RUN])], end) for _, end in ends.iterrows()])


def beyond(table: pd.DataFrame, threshold: float = THRESHOLD, outcome: str = "gap") -> np.ndarray:
    """Return which rows are beyond their twin: their `gap`, or `worst` gap, exceeds the threshold."""
    return table[outcome].to_numpy(dtype=float) > threshold


def _horizon(run: pd.DataFrame, end: pd.Series) -> dict[str, Any]:
    """Return the row of one end of a run, whose checkpoints are indexed by step."""
    step = int(end.step)
    early, gaps = run.loc[step // EARLY], run.loc[:step, "test_gap"]
    known = {name: _or_infinite(early[column]) for name, column in _EARLY.items()}
    return {
        **{name: end[name] for name in RUN},
        "steps": step,
        "gap": _or_infinite(end.test_gap),
        "worst": _or_infinite(gaps.max(skipna=False)),
        **known,
        _SO_FAR: _or_infinite(gaps.loc[: step // EARLY].max(skipna=False)),
        **{name: _or_infinite(end[column]) for name, column in _BEFORE.items()},
        "loss drop": _or_infinite(1 - early.loss / early.start_loss),
        "outputs moved": _or_infinite(early.train_moved),
        "learning rate": _or_infinite(end.learning_rate),
        "1 / alpha": 1 / float(end.alpha),
        "rate x steps": float(end.rate) * step,
        **{f"end: {name}": _or_infinite(end[column]) for name, column in AT_END.items()},
    }


def _or_infinite(value: Any) -> float:
    """Return a number to three digits; infinite where it is missing."""
    return float("inf") if pd.isna(value) else float(f"{value:.3g}")
