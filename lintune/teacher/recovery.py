"""How many steps a student needs: the first at which its overlap with u has a given size, for many at once.

Instances may differ in dimension, change and step size, so a whole sweep is one batch. Those that have
arrived leave it, chunk by chunk of inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lintune.errors import DivergedError, InputError
from lintune.teacher.draws import draw
from lintune.teacher.problem import Problem
from lintune.teacher.sgd import Descent
from lintune.teacher.student import Student
from lintune.teacher.training import Training

# Numbers of one chunk of inputs: (steps, instances, rank).
_CHUNK = 1 << 16
# A chunk is at most this part of the steps before it, so that few steps are taken after an arrival.
_SHARE, _SHORTEST = 8, 32


@dataclass(frozen=True, eq=False)
class Recovery:
    """First steps at which overlaps had a size.

    Attributes:
        bounds: `(B,)` sizes |<u, u^>|, ascending.
        steps: `(I, B)` float64, NaN for an instance that had not arrived when its steps were over (censored).
        most: `(I,)` steps that each instance was given.
    """

    bounds: np.ndarray
    steps: np.ndarray
    most: np.ndarray

    @property
    def censored(self) -> np.ndarray:
        """`(I, B)` whether the instance did not arrive."""
        return np.isnan(self.steps)


def recover(
    problem: Problem,
    training: Training,
    student: Student,
    bounds: Sequence[float],
    most: int | np.ndarray,
    seed: int,
) -> Recovery:
    """Train until every overlap has reached every bound, or an instance's steps are over.

    Args:
        problem: The instances.
        training: How to train.
        student: Where they start.
        bounds: Sizes of the overlap between 0 and 1, ascending.
        most: Steps for each instance at most, one number or `(I,)`.
        seed: Seed of the inputs.

    Raises:
        InputError: Bounds do not ascend between 0 and 1; there is a limit below 0, or another number of
            limits or step sizes than of instances.
        DivergedError: A student leaves the finite numbers.
    """
    sizes = np.asarray(bounds, dtype=float)
    if sizes.ndim != 1 or not len(sizes) or sizes[0] < 0 or sizes[-1] > 1 or (np.diff(sizes) <= 0).any():
        raise InputError(f"bounds={list(bounds)} must ascend between 0 and 1.")
    limits = _limits(most, len(problem))
    rate, c_rate = training.rates(len(problem))
    free = Training(rate, c_rate, training.student, training.unit, training.outside)
    found = np.full((len(problem), len(sizes)), np.nan)
    found[np.abs(student.overlap(problem))[:, None] >= sizes] = 0
    random, done, left = np.random.default_rng(seed), 0, np.arange(len(problem))
    while True:
        kept = np.isnan(found[left, -1]) & (limits[left] > done)
        left, student = left[kept], student.take(kept)
        if not len(left):
            return Recovery(sizes, found, limits)
        here = problem.take(left)
        steps = min(_length(here, done), int(limits[left].max()) - done)
        student, overlaps = _chunk(here, free.take(left), student, steps, random)
        if not np.isfinite(overlaps[-1]).all():
            raise DivergedError(f"rate={training.rate}: a student left the finite numbers by step {done}.")
        _arrivals(found, sizes, left, overlaps, done, limits)
        done += steps


def _limits(most: int | np.ndarray, count: int) -> np.ndarray:
    given = np.asarray(most)
    if given.shape not in ((), (count,)) or (given < 0).any():
        raise InputError(f"most={most} must be at least 0: one number, or {count} for the instances.")
    return np.array(np.broadcast_to(given.astype(int), (count,)))


def _length(problem: Problem, done: int) -> int:
    room = _CHUNK // (len(problem) * max(problem.rank, problem.width))
    return max(1, min(room, max(_SHORTEST, done // _SHARE)))


def _chunk(
    problem: Problem, training: Training, student: Student, steps: int, random: np.random.Generator
) -> tuple[Student, np.ndarray]:
    """Return the students after some steps, and the overlaps after each, `(steps, I)`."""
    inputs = draw(problem, steps, random)
    base = inputs.base(problem)
    labels = inputs.labels(problem, base)
    descent, overlaps = Descent(problem, training), np.empty((steps, len(problem)))
    orthogonal = not problem.inside.any()
    for step in range(steps):
        student = descent.advance(student, inputs, base, labels, step)
        overlaps[step] = student.along if orthogonal else student.overlap(problem)
    return student, overlaps


def _arrivals(
    found: np.ndarray,
    sizes: np.ndarray,
    left: np.ndarray,
    overlaps: np.ndarray,
    done: int,
    limits: np.ndarray,
) -> None:
    """Write down who arrived at which bound in a chunk that began after `done` steps."""
    for column, bound in enumerate(sizes):
        there = np.abs(overlaps) >= bound
        step = done + 1 + there.argmax(0)
        new = np.isnan(found[left, column]) & there.any(0) & (step <= limits[left])
        found[left[new], column] = step[new]
