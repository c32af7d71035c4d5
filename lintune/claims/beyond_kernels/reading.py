"""How the checks of this paper read their records."""

import math
from typing import Any

import numpy as np
import pandas as pd

from lintune.claims.evidence import NotRun, table
from lintune.errors import InputError
from lintune.studies.intervals import interval
from lintune.studies.recovery import Exponent, exponent

STUDENTS, RECOVERY = "beyond_kernels.cpu", "recovery.cpu"


def times(rows: Any, *needed: str) -> pd.DataFrame:
    """Return rows of a sweep as a table, steps that were not enough being not-a-number."""
    found = table(rows, "instance", *needed)
    return found.assign(**{name: found[name].astype(float) for name in ("weak", "strong") if name in found})


def fitted(rows: pd.DataFrame, x: str, y: str, *, paired: bool = True, weigh: bool = False) -> Exponent:
    """Return the exponent of a sweep.

    Raises:
        NotRun: Too few instances or settings arrived.
    """
    try:
        return exponent(rows, x, y, paired=paired, weigh=weigh)
    except InputError as reason:
        raise NotRun(str(reason)) from reason


def mean_factor(factors: np.ndarray) -> tuple[float, float, float]:
    """Return the geometric mean of positive factors `(I,)` with Student's 95 % interval.

    Raises:
        NotRun: Fewer than two.
    """
    if len(factors) < 2:
        raise NotRun("fewer than two instances can be compared")
    middle, low, high = (math.exp(each) for each in interval(np.log(factors)))
    return middle, low, high


def setting(law: str, sigma: str) -> str:
    """Return in words an activation at the size ξ that a law gives, `one` or `root`."""
    return f"{sigma} at ξ = {'1' if law == 'one' else '√k'}"


def said(fit: Exponent) -> str:
    """Return an exponent with its interval, as text."""
    return f"{fit.value:.2f} ({fit.low:.2f} to {fit.high:.2f})"
