"""What several tasks say together: gaps with and without a prompt, and which rates were chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lintune.errors import InputError
from lintune.studies.behaviour.plan import HEAD, PROMPT
from lintune.studies.behaviour.problem import SGD
from lintune.studies.behaviour.verdicts import START
from lintune.studies.intervals import interval


def gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how far fine-tuning by SGD is from least squares on K(SGD), with and without a prompt.

    Args:
        rows: What `behaviour` returns, for one or several tasks, with a column `task`.

    Returns:
        A row per task, function and draw in which both were measured: `fine-tuned` and `kernel`, the scores;
        `gap`, the former minus the latter; `apart`, its size; `start`, the score before training; `gained`,
        what fine-tuning adds to it; and, before training, the mean norm of the output derivative (Malladi et
        al., 2023, Definition 3.1), `chi` over the training and `chi_held_out` over the validation examples.
    """
    keys = ["task", "function", "seed"]
    starts = rows[rows.way == rows.function.map(START)].set_index(keys)
    found = pd.DataFrame(
        {
            "fine-tuned": _scores(rows[(rows.way == "fine-tuned") & (rows.optimiser == "sgd")], keys),
            "kernel": _scores(rows[(rows.way == "kernel") & (rows.kernel == SGD)], keys),
            "start": starts.score.astype(float),
            "chi": starts.chi.astype(float),
            "chi_held_out": starts.chi_held_out.astype(float),
        }
    ).dropna()
    found["gap"] = found["fine-tuned"] - found.kernel
    found["gained"] = found["fine-tuned"] - found.start
    order = [key for key in dict.fromkeys(rows.set_index(keys).index) if key in found.index]
    return found.assign(apart=found.gap.abs()).loc[order].reset_index()


def with_prompt(table: pd.DataFrame, column: str = "apart") -> dict[str, Any]:
    """Say whether a number is smaller with a prompt than with a fresh head.

    The two are paired by draw and the draws of a task averaged; the interval is Student's, 95 %, over tasks.

    Args:
        table: What `gaps` returns.
        column: Which of its columns.

    Returns:
        `difference`, prompt minus fresh head, with `low` and `high` (None from one task alone); `tasks`;
        `verdict`: `smaller with the prompt`, `larger with the prompt`, `no clear difference` where the
        interval holds 0, `one task only` or `not measured`.
    """
    wide = table.pivot(index=["task", "seed"], columns="function", values=column)
    paired = wide.reindex(columns=[PROMPT, HEAD]).dropna().groupby(level="task").mean()
    means = (paired[PROMPT] - paired[HEAD]).to_numpy(dtype=float)
    found: dict[str, Any] = {"difference": None, "low": None, "high": None, "tasks": len(means)}
    if not len(means):
        return found | {"verdict": "not measured"}
    found["difference"] = float(means.mean())
    if len(means) == 1:
        return found | {"verdict": "one task only"}
    _, low, high = interval(means)
    verdict = "smaller" if high < 0 else "larger" if low > 0 else ""
    said = f"{verdict} with the prompt" if verdict else "no clear difference"
    return found | {"low": low, "high": high, "verdict": said}


def at_the_ends(rows: pd.DataFrame, rates: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return how often the rate that was chosen is the smallest or the largest candidate.

    Rates are chosen once for a task, a function and a way, so each of these counts once. A choice at an end
    leaves open whether a rate beyond it would have been better.

    Args:
        rows: What `behaviour` returns, for one or several tasks, with a column `task`.
        rates: The candidates by optimiser.

    Returns:
        By `way` and `optimiser`: `choices`, how many there were; `smallest` and `largest`, how many of them
        took that candidate.

    Raises:
        InputError: A rate was chosen that is no candidate.
    """
    runs = rows[rows.way.isin(["fine-tuned", "linearised"])].dropna(subset="rate")
    chosen = runs.drop_duplicates(["task", "function", "way", "optimiser"])
    for optimiser, each in chosen.groupby("optimiser"):
        candidates = np.array(rates[str(optimiser)], dtype=float)
        if not np.isclose(each.rate.to_numpy(dtype=float)[:, None], candidates).any(axis=1).all():
            raise InputError(f"rates[{optimiser!r}]={candidates.tolist()} lack one of the chosen rates.")
    ends = {"smallest": min, "largest": max}
    marked = chosen.assign(
        **{
            name: np.isclose(chosen.rate.astype(float), [end(rates[each]) for each in chosen.optimiser])
            for name, end in ends.items()
        }
    )
    by = marked.groupby(["way", "optimiser"], sort=False)
    return by.agg(choices=("rate", "size"), smallest=("smallest", "sum"), largest=("largest", "sum"))


def _scores(rows: pd.DataFrame, keys: list[str]) -> pd.Series:
    return rows.set_index(keys).score.astype(float)
