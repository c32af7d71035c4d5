"""Theorem 3's construction at work: fine-tuning on it, and learning its teacher from scratch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lintune.studies.recovery.draws import Draws, draws
from lintune.studies.recovery.sweep import Setting, stacked, sweep
from lintune.teacher import Activation, Training, bases
from lintune.teacher.recovery import recover
from lintune.teacher.scratch import arrivals, scratch

# A change so large that what is left of the row is rounding.
_LARGE = 1e8


def hidden(width: int, instances: int, seed: int) -> Draws:
    """Draw instances whose teachers have orthonormal rows: <w_i, w_j> = -c_i c_j and xi = 1."""
    found = draws(bases.orthonormal(width), instances, seed)
    rows = np.stack([bases.hiding(c) for c in found.c])
    return Draws(rows, found.readout, found.c, found.c_hat, found.towards, found.rest)


def tuning(
    given: Draws, sigma: Activation, dimensions: Sequence[int], factors: Sequence[float], most: int, seed: int
) -> pd.DataFrame:
    """Return rows of `sweep` for fine-tuning on the construction, xi = 1, up to weak recovery."""
    settings = [Setting(d, 1.0, factor) for d in dimensions for factor in factors]
    return sweep(given, sigma, settings, epsilon=0.75, most=most, seed=seed)


def from_scratch(
    readout: np.ndarray,
    sigma: Activation,
    dimensions: Sequence[int],
    factors: Sequence[float],
    most: int,
    seed: int,
) -> pd.DataFrame:
    """Train all rows from random ones on teachers with orthonormal rows.

    The step size is factor d^(-p/2), by which the drift of a row at a random start and what noise adds up to
    while it lasts are in balance for every d (p the degree of sigma).

    Args:
        readout: `(I, k)` lambda, of the teacher and of the learner.
        sigma: A Hermite polynomial.
        dimensions: d.
        factors: Step sizes in units of d^(-p/2).
        most: Steps for each at most.
        seed: Seed of starts and inputs.

    Returns:
        A row for each d, factor and instance: `instance`, `dimension`, `factor`, `weak` (the first step at
        which some row has an overlap of 1/2 with a row of the teacher), `every` (all have had), NaN where
        the steps were not enough.
    """
    power, count = -(sigma.degree or 0) / 2, len(readout)
    parts = []
    for d in dimensions:
        rates = np.repeat(np.asarray(factors) * float(d) ** power, count)
        given = scratch(sigma, np.tile(readout, (len(factors), 1)), d)
        found = arrivals(given, rates, 0.5, most, seed + 1, start=seed)
        parts.append(
            pd.DataFrame(
                {
                    "instance": np.tile(np.arange(count), len(factors)),
                    "dimension": d,
                    "factor": np.repeat(factors, count),
                    "weak": found[:, 0],
                    "every": found[:, 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def single_index(
    sigma: Activation,
    dimensions: Sequence[int],
    factors: Sequence[float],
    instances: int,
    most: int,
    seed: int,
) -> pd.DataFrame:
    """Learn one row of a teacher from scratch: sigma(<u, x>) with sigma(<u^, x>), in the limit of a large xi.

    As xi grows the single row w + xi c u, brought to norm 1, becomes c u. The step size is factor d^(-p/2).

    Returns:
        Rows as `from_scratch`, without `every`. The instances are the same in every dimension.
    """
    given = draws(np.ones((1, 1)), instances, seed, knows_c=True, one_sign=True)
    pairs = [(d, factor) for d in dimensions for factor in factors]
    power = -(sigma.degree or 0) / 2
    # The row itself is one of the d + 1 dimensions.
    problem, student = stacked([given.at(sigma, d + 1, _LARGE, right_side=False) for d, _ in pairs])
    rates = np.repeat([factor * float(d) ** power for d, factor in pairs], instances)
    found = recover(problem, Training(rates), student, [0.5], most, seed + 1)
    return pd.DataFrame(
        {
            "instance": np.tile(np.arange(instances), len(pairs)),
            "dimension": np.repeat([d for d, _ in pairs], instances),
            "factor": np.repeat([factor for _, factor in pairs], instances),
            "weak": found.steps[:, 0],
        }
    )
