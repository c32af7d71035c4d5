"""Sweeps: the same instances in several settings, trained as one batch until they have recovered u."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lintune.errors import InputError
from lintune.studies.recovery.draws import Draws
from lintune.teacher import Activation, Problem, Student, Training, noise, population
from lintune.teacher.recovery import recover

# Inputs that V is averaged over.
_SAMPLES = 4000


@dataclass(frozen=True)
class Setting:
    """Where and how instances are trained.

    Attributes:
        dimension: d.
        xi: Size of the change.
        factor: eta in units of |h(0)| / (d V).
    """

    dimension: int
    xi: float
    factor: float


def sweep(
    draws: Draws,
    sigma: str | Activation,
    settings: Sequence[Setting],
    *,
    epsilon: float = 0.1,
    patience: float = 5.0,
    most: int = 10**6,
    joint: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Train every instance in every setting.

    Args:
        draws: The instances.
        sigma: The activation or its name.
        settings: The settings.
        epsilon: Strong recovery is <u, u^>^2 >= 1 - epsilon, at most 3/4; weak recovery |<u, u^>| >= 1/2.
        patience: An instance gets this many times d V / (factor h(0)^2) steps,
        most: and at most as many as this.
        joint: Whether c^ is trained too, with the same step size.
        seed: Seed of the inputs.

    Returns:
        A row for each setting and instance: `instance`, `dimension`, `xi`, `factor`, `width`, `drift`
        (|h(0)|), `variance` (V), `eta`, `unit` (d V / (factor h(0)^2)), `limit`, and `weak` and `strong`, the
        steps, NaN where these were not enough (censored).

    Raises:
        InputError: There is no setting, or a number is out of its range.
    """
    if not settings:
        raise InputError("settings are empty: at least one is needed.")
    if not 0 < epsilon <= 0.75:
        raise InputError(f"epsilon={epsilon} must be above 0 and at most 3/4.")
    found = [(*draws.at(sigma, each.dimension, each.xi), each) for each in settings]
    table = pd.concat([_planned(*each) for each in found], ignore_index=True)
    table["limit"] = np.minimum(patience * table.unit, most).round().astype(int)
    problem, student = stacked([each[:2] for each in found])
    rate = table.eta.to_numpy()
    training = Training(rate, rate if joint else 0.0)
    # Weak recovery is strong recovery where epsilon is 3/4.
    bounds = sorted({0.5, (1 - epsilon) ** 0.5})
    arrived = recover(problem, training, student, bounds, table.limit.to_numpy(), seed)
    return table.assign(weak=arrived.steps[:, 0], strong=arrived.steps[:, -1])


def stacked(found: Sequence[tuple[Problem, Student]]) -> tuple[Problem, Student]:
    """Return instances with their starts as one batch."""
    problems, students = zip(*found, strict=True)
    arrays = ("rows", "readout", "c", "inside", "xi", "dimension")
    whole = {name: np.concatenate([getattr(each, name) for each in problems]) for name in arrays}
    parts = ("inside", "along", "aside", "c")
    return replace(problems[0], **whole), Student(
        *(np.concatenate([getattr(each, name) for each in students]) for name in parts)
    )


def above(draws: Draws, sigma: str | Activation, xi: float, share: float) -> Draws:
    """Return the instances but for a share with the smallest |h(0)|, the chance gamma that theorems give up.

    Args:
        draws: The instances.
        sigma: The activation or its name.
        xi: Size of the change.
        share: What share to drop, from 0 to below 1.
    """
    if not 0 <= share < 1:
        raise InputError(f"share={share} must be from 0 to below 1.")
    size = np.abs(population.drift(*draws.at(sigma, draws.rows.shape[-1] + 2, xi)))
    kept = np.argsort(-size, kind="stable")[: len(draws) - int(share * len(draws))]
    return draws.take(np.sort(kept))


def variance(problem: Problem, student: Student) -> np.ndarray:
    """Return V = E g^2 at overlap 0, `(I,)`, where g x is the gradient."""
    return noise(problem, student, np.zeros(1), samples=_SAMPLES).size[:, 0]


def _planned(problem: Problem, student: Student, setting: Setting) -> pd.DataFrame:
    size, spread = np.abs(population.drift(problem, student)), variance(problem, student)
    if (size == 0).any():
        raise InputError("h(0) is 0 for an instance: no step size can be given in units of it (use `above`).")
    scale = setting.dimension * spread
    return pd.DataFrame(
        {
            "instance": np.arange(len(problem)),
            "dimension": setting.dimension,
            "xi": setting.xi,
            "factor": setting.factor,
            "width": problem.width,
            "drift": size,
            "variance": spread,
            "eta": setting.factor * size / scale,
            "unit": scale / (setting.factor * size**2),
        }
    )
