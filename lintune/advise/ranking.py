"""From scores to an order of candidates, and which of them are too close to call."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lintune.advise.scores import SCORES
from lintune.errors import unknown_name

# The scores whose ranks are averaged: chosen on two tasks, held against others that share no text with them
# (`lintune.studies.advice`).
COMBINED: tuple[str, ...] = ("leave-one-out loss", "regression loss", "alignment")
_TIE_BREAK, _NEXT = "predicted held-out loss", 1e-6
_SIGNS = {score.name: score.sign for score in SCORES}


def combined(rows: pd.DataFrame, names: Sequence[str] = COMBINED) -> np.ndarray:
    """Return the mean rank of each candidate under some scores, `(K,)`; the least is the best.

    Ranks are from 0 to 1 within the rows; of equal scores each has the mean of theirs. Regression and
    spectrum do not see alpha and pull: what differs in these alone stands in the order of the predicted
    held-out loss, where the rows have it.

    Args:
        rows: A row per candidate with a column per score. An infinite or missing score ranks last.
        names: Names in `lintune.advise.scores.SCORES`.

    Raises:
        InputError: There is no such score.
    """
    for name in names:
        if name not in _SIGNS:
            raise unknown_name("names", name, _SIGNS)
    mean = np.mean([_ranks(rows, name) for name in names], axis=0)
    return np.asarray(mean + _NEXT * (_ranks(rows, _TIE_BREAK) - 0.5)) if _TIE_BREAK in rows else mean


def _ranks(rows: pd.DataFrame, name: str) -> np.ndarray:
    signed = _SIGNS[name] * rows[name].astype(float)
    # Kernels that differ by a factor have the same scores but for rounding, which is to rank nothing.
    plain = [float(f"{value:.9g}") if np.isfinite(value) else np.inf for value in signed]
    return np.asarray((stats.rankdata(plain) - 0.5) / len(rows))


def ties(losses: Mapping[str, np.ndarray], best: str) -> list[str]:
    """Return the candidates whose held-out loss is not clearly above that of the best.

    An example's loss under one candidate is held against its loss under the other. What is within one
    standard error of the mean of these differences is within the noise of the examples at hand.

    Args:
        losses: `(N,)` predicted loss of each example when held out, by name of the candidate.
        best: Against which candidate.

    Returns:
        Names, in the order of `losses`; the best is among them.
    """
    own = losses[best]
    found = []
    for name, each in losses.items():
        above, error = margin(each, own)
        if name == best or above <= error:
            found.append(name)
    return found


def margin(losses: np.ndarray, best: np.ndarray) -> tuple[float, float]:
    """Return how far losses are above others of the same examples, and the standard error of that.

    Args:
        losses: `(N,)` loss of each example under one candidate.
        best: `(N,)` the same under another.

    Returns:
        The mean difference, and its standard error over examples; infinite for one example.
    """
    apart = losses - best
    error = float(apart.std(ddof=1)) / len(apart) ** 0.5 if len(apart) > 1 else np.inf
    return float(apart.mean()), error
