"""Paired instances: the same readout, c, c^ and start in every dimension and for every size of the change.

What two settings then have in common is taken out of their comparison. In each single setting the law is that
of `lintune.teacher.problem` and `start`.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from lintune.errors import InputError
from lintune.teacher import Activation, Problem, Student, activation, population
from lintune.teacher.problem import unit


@dataclass(frozen=True, eq=False)
class Draws:
    """What chance decides about instances before descent begins.

    Attributes:
        rows: `(k, r)` or `(I, k, r)` unit rows.
        readout: `(I, k)` signs.
        c: `(I, k)`, c_hat: `(I, k)` signs over sqrt(k).
        towards: `(I,)` normal, the start's part along u before its length is brought to 1.
        rest: `(I,)` in (0, 1), the quantile of the length of what is left.
    """

    rows: np.ndarray
    readout: np.ndarray
    c: np.ndarray
    c_hat: np.ndarray
    towards: np.ndarray
    rest: np.ndarray

    def __len__(self) -> int:
        """Return the number of instances."""
        return len(self.readout)

    def take(self, places: np.ndarray) -> "Draws":
        """Return some instances."""
        arrays = ("rows", "readout", "c", "c_hat", "towards", "rest")
        return replace(self, **{name: getattr(self, name)[places] for name in arrays})

    def at(
        self, sigma: str | Activation, dimension: int, xi: float, *, right_side: bool = True
    ) -> tuple[Problem, Student]:
        """Return the instances in some dimension and for some size of the change, and their start.

        Args:
            sigma: The activation or its name.
            dimension: d.
            xi: Size of the change.
            right_side: Whether u^_0 is turned to where h(0) drives it (the theorems: run again from -u^_0).
        """
        count, rank = len(self), self.rows.shape[-1]
        given = Problem(
            self.rows,
            self.readout,
            self.c,
            np.zeros((count, rank)),
            np.full(count, float(xi)),
            np.full(count, int(dimension)),
            activation(sigma),
        )
        aside = np.sqrt(stats.chi2.ppf(self.rest, dimension - rank - 1))
        along = self.towards / np.hypot(self.towards, aside)
        student = Student(np.zeros((count, rank)), along, aside / np.hypot(self.towards, aside), self.c_hat)
        if right_side:
            side = np.where(population.drift(given, student) < 0, -1.0, 1.0)
            student = replace(student, along=np.abs(along) * side)
        return given, student


def draws(
    rows: np.ndarray, instances: int, seed: int, *, knows_c: bool = False, one_sign: bool = False
) -> Draws:
    """Draw instances.

    Args:
        rows: `(k, r)` the rows of all instances.
        instances: How many.
        seed: Seed of all draws.
        knows_c: Whether c^ is c.
        one_sign: Whether all entries of the readout are 1, instead of random signs.
    """
    if instances < 1:
        raise InputError(f"instances={instances} must be at least 1.")
    random, shape = np.random.default_rng(seed), (instances, len(rows))
    c, c_hat, readout = (random.choice([-1.0, 1.0], shape) for _ in range(3))
    return Draws(
        np.broadcast_to(rows, (instances, *rows.shape)).copy(),
        np.ones(shape) if one_sign else readout,
        unit(c),
        unit(c if knows_c else c_hat),
        random.standard_normal(instances),
        random.uniform(1e-12, 1, instances),
    )
