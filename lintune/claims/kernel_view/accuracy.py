"""A difference of two accuracies with its interval, over draws or else by the test examples."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from lintune.claims.cases import percent
from lintune.claims.evidence import NotRun
from lintune.studies.intervals import interval
from lintune.words import several

_BLUNT = 0.1  # a standard error above which a comparison of accuracies says nothing


def standard_error(tests: float) -> float:
    """Return the largest standard error that an accuracy on so many test examples can have, 1/(2√m).

    Raises:
        NotRun: It is above 0.1: then everything would be about as accurate as everything else.
    """
    error = 0.5 / tests**0.5
    if error > _BLUNT:
        raise NotRun(f"too few test examples: one standard error is {error:.2f}")
    return float(error)


def with_interval(
    differences: Sequence[float] | np.ndarray, error: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the mean of differences `(n,)` by draw with its interval of this level.

    It is Student's over draws, which takes the test examples as given; of a single draw it is the normal
    one by the binomial standard error.
    """
    middle, low, high = interval(differences, level)
    if len(differences) > 1:
        return middle, low, high
    half = float(stats.norm.ppf((1 + level) / 2)) * error
    return middle, middle - half, middle + half


def over_what(draws: int, level: float = 0.95) -> str:
    """Return in words what the interval of `with_interval` is over."""
    if draws > 1:
        return f"{percent(level)} interval over {several(draws, 'draw')}"
    return f"{percent(level)} interval of one draw by the binomial standard error"
