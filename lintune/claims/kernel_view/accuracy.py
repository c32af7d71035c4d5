"""A difference of two accuracies with its interval, over draws or else by the test examples."""

from collections.abc import Sequence

import numpy as np

from lintune.claims.cases import several
from lintune.claims.evidence import NotRun
from lintune.studies.intervals import interval

_BLUNT = 0.1  # a standard error above which a comparison of accuracies says nothing
_NORMAL = 1.96  # standard errors on either side that hold 95 % of a normal variable


def standard_error(tests: float) -> float:
    """Return the largest standard error that an accuracy on so many test examples can have, 1/(2√m).

    Raises:
        NotRun: It is above 0.1: then everything would be about as accurate as everything else.
    """
    error = 0.5 / tests**0.5
    if error > _BLUNT:
        raise NotRun(f"too few test examples: one standard error is {error:.2f}")
    return float(error)


def with_interval(differences: Sequence[float] | np.ndarray, error: float) -> tuple[float, float, float]:
    """Return the mean of differences `(n,)` by draw with its 95 % interval.

    It is Student's over draws, which takes the test examples as given; of a single draw it is ±1.96 times
    the binomial standard error.
    """
    middle, low, high = interval(differences)
    if len(differences) > 1:
        return middle, low, high
    return middle, middle - _NORMAL * error, middle + _NORMAL * error


def over_what(draws: int, thing: str = "draw") -> str:
    """Return in words what the interval of `with_interval` is over."""
    if draws > 1:
        return f"95 % interval over {several(draws, thing)}"
    return f"95 % interval of one {thing} by the binomial standard error"
