"""The three sweeps of the chapter: against d, against k and against xi."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lintune.studies.recovery.draws import draws
from lintune.studies.recovery.sweep import Setting, above, stacked, sweep
from lintune.teacher import Training, bases, paths, unit_rate


@dataclass(frozen=True)
class Plan:
    """What all sweeps share.

    Attributes:
        factors: Step sizes in units of |h(0)| / (d V), the same grid everywhere.
        instances: How many are drawn for each setting.
        given_up: Share with the smallest |h(0)| that is dropped.
        most: Steps for each at most.
        seed: Seed.
    """

    factors: Sequence[float]
    instances: int
    given_up: float
    most: int
    seed: int


def against_dimension(
    sigmas: Sequence[str],
    width: int,
    xi: float,
    dimensions: Sequence[int],
    plan: Plan,
    *,
    epsilon: float = 0.1,
) -> pd.DataFrame:
    """Return rows of `sweep` for each activation in every dimension, c^ frozen at random signs."""
    parts = []
    for sigma in sigmas:
        drawn = draws(bases.orthonormal(width), plan.instances, plan.seed)
        kept = above(drawn, sigma, xi, plan.given_up)
        settings = [Setting(d, xi, factor) for d in dimensions for factor in plan.factors]
        found = sweep(kept, sigma, settings, epsilon=epsilon, most=plan.most, seed=plan.seed)
        parts.append(found.assign(activation=sigma))
    return pd.concat(parts, ignore_index=True)


def against_width(sigmas: Sequence[str], widths: Sequence[int], dimension: int, plan: Plan) -> pd.DataFrame:
    """Return rows of `sweep` for each width, with xi = 1 (`law` is `one`) and xi = sqrt(k) (`root`)."""
    parts = []
    for sigma in sigmas:
        for width in widths:
            drawn = draws(bases.orthonormal(width), plan.instances, plan.seed)
            for law, xi in (("one", 1.0), ("root", width**0.5)):
                kept = above(drawn, sigma, xi, plan.given_up)
                settings = [Setting(dimension, xi, factor) for factor in plan.factors]
                # Weak recovery alone: epsilon is 3/4.
                found = sweep(kept, sigma, settings, epsilon=0.75, most=plan.most, seed=plan.seed)
                parts.append(found.assign(activation=sigma, law=law))
    return pd.concat(parts, ignore_index=True)


def against_xi(
    sigma: str, width: int, ratios: Sequence[float], dimensions: Sequence[int], plan: Plan
) -> pd.DataFrame:
    """Return rows of `sweep` for each xi = ratio sqrt(k) and dimension, c^ trained too (joint training)."""
    drawn = draws(bases.orthonormal(width), plan.instances, plan.seed)
    kept = above(drawn, sigma, ratios[0] * width**0.5, plan.given_up)
    settings = [
        Setting(d, ratio * width**0.5, factor)
        for ratio in ratios
        for d in dimensions
        for factor in plan.factors
    ]
    # Where h(0) has become small, it is not what decides: patience is no measure there.
    # Strong recovery is not asked for, so that those that have arrived leave the batch: epsilon is 3/4.
    found = sweep(
        kept, sigma, settings, epsilon=0.75, patience=1e12, most=plan.most, joint=True, seed=plan.seed
    )
    return found.assign(ratio=found.xi / width**0.5)


def joint_paths(
    sigma: str,
    width: int,
    dimension: int,
    xis: Sequence[float],
    instances: int,
    at: Sequence[int],
    seed: int,
) -> np.ndarray:
    """Return |<u, u^>| on the way in joint training, `(len(xis), instances, len(at))`.

    The instances are the same for every xi, the half of twice as many draws with the larger |h(0)| at the
    first one: with |h(0)| near 0 the step size, |h(0)| / (d V) of each, would be too.
    """
    drawn = above(draws(bases.orthonormal(width), 2 * instances, seed), sigma, xis[0], 0.5)
    problem, student = stacked([drawn.at(sigma, dimension, xi) for xi in xis])
    rate = unit_rate(problem, student)
    taken = paths(problem, Training(rate, rate), student, at, seed)
    sizes = np.stack([np.abs(taken[int(step)].overlap(problem)) for step in at], axis=1)
    return sizes.reshape(len(xis), instances, len(at))
