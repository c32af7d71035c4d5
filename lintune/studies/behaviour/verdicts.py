"""Does kernel behaviour hold? The thresholds of the field, applied to what was measured."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd

from lintune.errors import InputError
from lintune.studies.behaviour.plan import HEAD, PROMPT

# As a third party re-implements the paper's summary table (see the chapter).
SOLVES = 0.9  # of the fine-tuned score
RECOVERS = 0.5  # of the improvement by fine-tuning
TURNS = 2.0  # relative change of the kernel
START = {PROMPT: "zero-shot", HEAD: "linear probe"}
_SCORES = ("start", "fine-tuned", "linearised", "kernel")
_OWN_KERNEL = {"sgd": "K(SGD)", "signgd": "K(A-SignGD)", "adam": "K(A-SignGD)"}


def verdicts(rows: pd.DataFrame, noise: float = 0.0) -> pd.DataFrame:
    """Return for every function and optimiser whether each property holds, by the median over draws.

    Draws on which the network diverged at every rate are left out.

    Args:
        rows: What `behaviour` returns, for one task.
        noise: An improvement by fine-tuning of at most this counts as none. All draws share the test
            examples, so their agreement does not show the noise of these; 0.5 / sqrt(m) bounds the standard
            error of an accuracy on m of them.

    Returns:
        A row per function and optimiser: the medians `start`, `fine-tuned`, `linearised`, `kernel` of the
        scores; `solves`, kernel over fine-tuned, and `kernel solves`; `recovers`, the share of the
        improvement that the linearised model reaches, and `linearisation`; `kernel change` and `fixed
        features`; `kernel behaviour`, all three; and `draws that agree` on that, as a share. What was not
        measured is None; where fine-tuning improves nothing, there is no share to recover and
        `linearisation` is None.

    Raises:
        InputError: Rows of several tasks.
    """
    if "task" in rows and rows.task.nunique() > 1:
        raise InputError(f"rows are of the tasks {sorted(rows.task.unique())}; judge one at a time.")
    found = []
    tuned = rows[rows.way == "fine-tuned"]
    for key, group in tuned.groupby(["function", "optimiser"], sort=False):
        function, optimiser = map(str, cast(tuple[str, str], key))
        mine = rows[rows.function == function]
        by_draw = pd.DataFrame(
            {
                "start": _by_draw(mine[mine.way == START[function]]),
                "fine-tuned": _by_draw(group),
                "linearised": _by_draw(mine[(mine.way == "linearised") & (mine.optimiser == optimiser)]),
                "kernel": _by_draw(mine[(mine.way == "kernel") & (mine.kernel == _OWN_KERNEL[optimiser])]),
                "kernel change": _by_draw(group, "kernel_drift"),
            }
        ).dropna(subset=["fine-tuned"])
        whole = judged(by_draw.median(), noise)
        alone = [judged(row, noise)["kernel behaviour"] for _, row in by_draw.iterrows()]
        agree = sum(each == whole["kernel behaviour"] for each in alone) / max(len(alone), 1)
        found.append({"function": function, "optimiser": optimiser, **whole, "draws that agree": agree})
    return pd.DataFrame(found)


def judged(scores: pd.Series, noise: float = 0.0) -> dict[str, Any]:
    """Return shares and verdicts of one set of scores; see `verdicts`."""
    known = {str(name): None if pd.isna(value) else float(value) for name, value in scores.items()}
    # Not-a-number, where something was not measured, is above no threshold and passes through arithmetic.
    start, tuned, linear, kernel = (float(scores[name]) for name in _SCORES)
    solves = _known(kernel / tuned if tuned else np.nan)
    recovers = _known((linear - start) / (tuned - start) if tuned - start > noise else np.nan)
    properties = {
        "kernel solves": _holds(solves, lambda value: value >= SOLVES),
        "linearisation": _holds(recovers, lambda value: value >= RECOVERS),
        "fixed features": _holds(known["kernel change"], lambda value: value < TURNS),
    }
    missing = None in properties.values() and False not in properties.values()
    return {
        **known,
        "solves": solves,
        "recovers": recovers,
        **properties,
        "kernel behaviour": None if missing else all(properties.values()),
    }


def _by_draw(rows: pd.DataFrame, column: str = "score") -> pd.Series:
    """Return a column by draw, missing where it was not measured."""
    return rows.set_index("seed").reindex(columns=[column])[column].astype(float)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _holds(value: float | None, test: Callable[[float], bool]) -> bool | None:
    return None if value is None else bool(test(value))
