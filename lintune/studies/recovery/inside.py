"""What becomes of it where u has a part in the span of the rows: paths, and optima other than u."""

from collections.abc import Sequence

import numpy as np

from lintune.studies.recovery.sweep import stacked
from lintune.teacher import (
    Activation,
    Problem,
    Student,
    Training,
    activation,
    paths,
    population,
    problem,
    start,
    unit_rate,
)
from lintune.teacher.problem import unit


def inside_paths(
    sigma: str | Activation,
    width: int,
    dimension: int,
    parts: Sequence[float],
    instances: int,
    at: Sequence[int],
    factor: float,
    seed: int,
) -> np.ndarray:
    """Return |<u, u^>| on the way, `(len(parts), instances, len(at))`; u^ may lean into the span.

    Both vectors are trained, from a random u^ and random signs in c^, at xi = sqrt(k). Readout, c, rows and
    the direction of the part of u in the span are the same for every size of it.

    Args:
        sigma: The activation or its name.
        width: k.
        dimension: d.
        parts: Norms of the part of u in the span.
        instances: How many for each.
        at: Steps to tell of.
        factor: eta, of both, in units of the median |h(0)| / (d V) of the instances with u outside the span
            and c^ = c.
        seed: Seed of instances, start and inputs.
    """
    problems = [
        problem(
            sigma, width, dimension, width**0.5, base="sphere", inside=part, instances=instances, seed=seed
        )
        for part in (0.0, *parts)
    ]
    # The scale of the step is that of a student that knows c.
    rate = factor * float(np.median(unit_rate(problems[0], start(problems[0], seed, agreeing=width))))
    given, student = stacked([(each, anywhere(each, seed)) for each in problems[1:]])
    taken = paths(given, Training(rate, rate, outside=False), student, at, seed)
    found = np.stack([np.abs(taken[int(step)].overlap(given)) for step in at], axis=1)
    return found.reshape(len(parts), instances, len(at))


def anywhere(given: Problem, seed: int, *, agreeing: int | None = None) -> Student:
    """Return a start uniform on the whole sphere of R^d, not only outside the span; c^ as `teacher.start`."""
    random = np.random.default_rng(seed)
    outside = start(given, seed, agreeing=agreeing)
    free = given.dimension - given.rank
    # A normal vector: its part in the span, and the length of the rest.
    inside = random.standard_normal((len(given), given.rank))
    length = np.sqrt(random.chisquare(free))
    whole = np.hypot(np.linalg.norm(inside, axis=1), length)
    return Student(
        inside / whole[:, None], outside.along * length / whole, outside.aside * length / whole, outside.c
    )


def one_row(sigma: str | Activation, xi: float, angle: float, dimension: int, instances: int) -> Problem:
    """Return instances with one row, c = 1, and u at an angle to the row."""
    inside = np.full((instances, 1), np.cos(angle))
    ones = np.ones((instances, 1))
    shape = np.full(instances, dimension)
    return Problem(
        np.ones((instances, 1, 1)), ones, ones, inside, np.full(instances, xi), shape, activation(sigma)
    )


def second_optimum(xi: float, angle: float) -> float:
    """Return the angle to the row of the other u^ with the teacher's row, for one row and c^ = c.

    The line through 0 along w + xi u meets the circle of radius xi around w a second time, at
    t (w + xi u) with t = (1 - xi^2) / |w + xi u|^2.
    """
    whole = np.array([1 + xi * np.cos(angle), xi * np.sin(angle)])
    other = ((1 - xi**2) / (whole @ whole) * whole - np.array([1.0, 0.0])) / xi
    return float(np.arctan2(other[1], other[0]))


def landscape(given: Problem, angles: np.ndarray) -> np.ndarray:
    """Return the loss for u^ in the plane of one row and u, `(len(angles),)`; one instance.

    Args:
        given: One instance with one row.
        angles: Of u^ to the row.
    """
    c = given.c
    students = (
        Student(np.array([[np.cos(a)]]), np.array([np.sin(a)]), np.zeros(1), c) for a in np.atleast_1d(angles)
    )
    return np.array([population.loss(given, each)[0] for each in students])


def ends(given: Problem, rate: float, steps: int, seed: int) -> np.ndarray:
    """Return the angles to the row at which descent ends from random starts, `(I,)`, by the plane's part."""
    first = anywhere(given, seed, agreeing=given.width)
    last = paths(given, Training(rate, outside=False), first, [steps], seed)[steps]
    plane = unit(np.stack([last.inside[:, 0], last.along], axis=1))
    return np.asarray(np.arctan2(plane[:, 1], plane[:, 0]))
