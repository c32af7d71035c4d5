"""Inputs, as far as a student in training sees them."""

from dataclasses import dataclass

import numpy as np

from lintune.teacher.problem import Problem


@dataclass(frozen=True, eq=False)
class Inputs:
    """T standard normal inputs for each of I instances, in the coordinates of the student at the time.

    Attributes:
        span: `(T, I, r)` coordinates in the span of the rows.
        along: `(T, I)` coordinate along the part of u outside the span.
        aside: `(T, I)` coordinate along what is left of u^.
        rest: `(T, I)` squared norm of the rest, chi-squared with d - r - 2 degrees of freedom.
    """

    span: np.ndarray
    along: np.ndarray
    aside: np.ndarray
    rest: np.ndarray

    def base(self, problem: Problem) -> np.ndarray:
        """Return <w_i, x>, `(T, I, k)`."""
        return np.einsum("tir,ikr->tik", self.span, problem.rows, optimize=True)

    def labels(self, problem: Problem, base: np.ndarray) -> np.ndarray:
        """Return the teacher's outputs `(T, I)`.

        Args:
            problem: The instances.
            base: What `base` returns.
        """
        u = np.vecdot(self.span, problem.inside) + self.along * problem.outside
        change = problem.xi[:, None] * problem.c
        inner = base + change * u[..., None]
        inner /= np.sqrt(1 + change**2 + 2 * change * np.einsum("ikr,ir->ik", problem.rows, problem.inside))
        return np.asarray(np.vecdot(problem.activation.value(inner), problem.readout))


def draw(problem: Problem, count: int, random: np.random.Generator) -> Inputs:
    """Draw inputs.

    Args:
        problem: The instances.
        count: T.
        random: Where chance comes from.
    """
    shape = (count, len(problem))
    free = problem.dimension - problem.rank - 2
    # The chi-squared distribution with no degrees of freedom is 0.
    rest = np.where(free > 0, random.chisquare(np.maximum(free, 1), shape), 0.0)
    span = random.standard_normal((*shape, problem.rank))
    return Inputs(span, random.standard_normal(shape), random.standard_normal(shape), rest)
