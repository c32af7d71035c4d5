"""The student: where its u and c are, in the few coordinates that the loss depends on."""

from dataclasses import dataclass, replace

import numpy as np

from lintune.errors import InputError
from lintune.teacher.problem import Problem, unit


@dataclass(frozen=True, eq=False)
class Student:
    """The state of a student for every instance.

    The vector u^ of R^d has r coordinates in the span of the rows, one along the part of u outside it, and
    the norm of what is left; the direction of what is left is of no matter to a standard normal input.

    Attributes:
        inside: `(I, r)` coordinates of u^ in the span of the rows.
        along: `(I,)` coordinate along the part of u outside the span.
        aside: `(I,)` norm of the rest, at least 0.
        c: `(I, k)` c^.
    """

    inside: np.ndarray
    along: np.ndarray
    aside: np.ndarray
    c: np.ndarray

    @property
    def u(self) -> np.ndarray:
        """`(I, r + 2)` all coordinates of u^."""
        return np.concatenate([self.inside, self.along[:, None], self.aside[:, None]], axis=1)

    def rows(self, problem: Problem) -> np.ndarray:
        """Return the unit rows of the student `(I, k, r + 2)`, in the coordinates of the teacher's."""
        change = (problem.xi[:, None] * self.c)[..., None]
        return unit(problem.base + change * self.u[:, None])

    def overlap(self, problem: Problem) -> np.ndarray:
        """Return <u^, u>, `(I,)`; the cosine where u^ has norm 1."""
        return np.asarray((self.inside * problem.inside).sum(1) + self.along * problem.outside)

    def c_overlap(self, problem: Problem) -> np.ndarray:
        """Return <c^, c>, `(I,)`; the cosine where c^ has norm 1."""
        return np.asarray((self.c * problem.c).sum(1))

    def take(self, places: np.ndarray) -> "Student":
        """Return some instances."""
        return Student(self.inside[places], self.along[places], self.aside[places], self.c[places])

    def at(self, overlap: float | np.ndarray) -> "Student":
        """Return the student with a unit u^ outside the span at a given overlap with u outside it."""
        along = np.broadcast_to(np.asarray(overlap, dtype=float), self.along.shape)
        aside = np.sqrt(np.maximum(1 - along**2, 0))
        return replace(self, inside=np.zeros_like(self.inside), along=np.array(along), aside=aside)


def start(problem: Problem, seed: int, *, agreeing: int | None = None) -> Student:
    """Draw u^ uniform on the unit sphere orthogonal to the rows, and c^ of random signs over sqrt(k).

    Args:
        problem: The instances.
        seed: Seed of the draw.
        agreeing: How many entries of c^ are those of the teacher's c, the others their negatives, at random
            places; k for c itself. None for random signs, as in the paper.

    Raises:
        InputError: There are not so many entries.
    """
    random = np.random.default_rng(seed)
    count, free = len(problem), problem.dimension - problem.rank
    along = random.standard_normal(count)
    aside = np.sqrt(random.chisquare(free - 1))
    norm = np.hypot(along, aside)
    if agreeing is None:
        c = unit(random.choice([-1.0, 1.0], problem.c.shape))
    elif 0 <= agreeing <= problem.width:
        order = random.permuted(np.tile(np.arange(problem.width), (count, 1)), axis=1)
        c = np.where(order < agreeing, problem.c, -problem.c)
    else:
        raise InputError(f"agreeing={agreeing} must be from 0 to the width, {problem.width}.")
    return Student(np.zeros((count, problem.rank)), along / norm, aside / norm, c)
