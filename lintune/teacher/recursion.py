"""The overlap's recursion at a fixed c^: the paper's drift, what a finite step takes off, its fluctuation.

One step moves the overlap m by eta h(m) (1 - m^2) on average (the paper's proposition 4), less eta^2 m / 2
times what bringing u^ back to norm 1 takes, up to eta^3; the rest is noise, of variance eta^2 D(m) less the
square of the first. The second term and the linear-noise approximation of the fluctuation are ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.teacher import population
from lintune.teacher.draws import draw
from lintune.teacher.gradients import Network
from lintune.teacher.problem import Problem
from lintune.teacher.student import Student

# Overlaps at which the functions of m are known; between them they are interpolated.
GRID = np.linspace(-1.0, 1.0, 81)
_SAMPLES = 8000  # inputs that the noise is averaged over, at each of them; cubic activations want more
_STRIDES = 50  # between two steps that are told of


@dataclass(frozen=True, eq=False)
class Noise:
    """Second moments of a step at given overlaps; g is the number that x is multiplied by in the gradient.

    Attributes:
        size: `(I, M)` E g^2.
        spread: `(I, M)` D(m) = E g^2 (<u, x> - m <u^, x>)^2, the noise along the overlap, mean included.
        stretch: `(I, M)` E g^2 ||x_out - <u^, x> u^||^2, x_out the part of x outside the span.
    """

    size: np.ndarray
    spread: np.ndarray
    stretch: np.ndarray


@dataclass(frozen=True, eq=False)
class Theory:
    """What theory says of the overlap after some steps.

    Attributes:
        steps: `(S,)`.
        printed: `(I, S)` m_(t+1) = m_t + eta h(m_t) (1 - m_t^2).
        mean: `(I, S)` with what the step's finite size takes off.
        spread: `(I, S)` standard deviation around it, by linear noise.
    """

    steps: np.ndarray
    printed: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


def noise(
    problem: Problem, student: Student, overlap: np.ndarray, *, samples: int = _SAMPLES, seed: int = 0
) -> Noise:
    """Return second moments of a step, averaged over drawn inputs (the same for every overlap).

    Args:
        problem: The instances, u orthogonal to the rows.
        student: Says c^.
        overlap: m, `(M,)`.
        samples: Inputs for each instance.
        seed: Seed of the inputs.
    """
    inputs = draw(problem, samples, np.random.default_rng(seed))
    base = inputs.base(problem)
    labels, form = inputs.labels(problem, base), Network(problem, student.c)
    found = []
    for m in np.atleast_1d(overlap):
        q = m * inputs.along + np.sqrt(1 - m**2) * inputs.aside
        outputs = form(base, q)
        g = 2 * (outputs.value - labels) * outputs.pull
        across = inputs.along - m * q
        length = inputs.along**2 + inputs.aside**2 - q**2 + (problem.dimension - problem.rank - 2)
        found.append([(g**2 * factor).mean(0) for factor in (np.ones_like(g), across**2, length)])
    size, spread, stretch = np.moveaxis(np.array(found), 0, -1)
    return Noise(size, spread, stretch)


def theory(
    problem: Problem,
    student: Student,
    rate: float | np.ndarray,
    at: Sequence[int],
    *,
    known: Noise | None = None,
    seed: int = 0,
) -> Theory:
    """Follow the recursion from the student's overlap.

    Args:
        problem: The instances, u orthogonal to the rows.
        student: Where they start; c^ stays.
        rate: eta, one or `(I,)`.
        at: Steps to tell of, increasing, from 0 on.
        known: The noise at the overlaps `GRID`, of these instances or of one that all of them share with c^;
            None to compute it.
        seed: Seed of the inputs that the noise is averaged over.

    Raises:
        InputError: The steps do not increase from 0 on, or u has a part in the span of the rows.
    """
    wanted = np.asarray(at)
    if wanted.ndim != 1 or not len(wanted) or wanted[0] < 0 or (np.diff(wanted) <= 0).any():
        raise InputError(f"at={list(at)} must be steps increasing from 0 on.")
    eta = np.broadcast_to(np.asarray(rate, dtype=float), (len(problem),))[:, None]
    found = noise(problem, student, GRID, seed=seed) if known is None else known
    printed = eta * population.speed(problem, student, GRID) * (1 - GRID**2)
    drift = printed - eta**2 * GRID / 2 * found.stretch
    slope = np.gradient(drift, GRID, axis=1)
    diffusion = np.maximum(eta**2 * found.spread - printed**2, 0)
    tables = [_Table(each) for each in (printed, drift, slope, diffusion)]

    def velocity(state: np.ndarray) -> np.ndarray:
        plain, mean, variance = state
        return np.stack([tables[0](plain), tables[1](mean), 2 * tables[2](mean) * variance + tables[3](mean)])

    state = np.stack([student.along, student.along, np.zeros(len(problem))])
    rows = [state := _followed(velocity, state, span) for span in np.diff(wanted, prepend=0)]
    plain, mean, variance = np.moveaxis(np.array(rows), 0, -1)
    return Theory(wanted, plain, mean, np.sqrt(np.maximum(variance, 0)))


def _followed(velocity: Callable[[np.ndarray], np.ndarray], state: np.ndarray, span: int) -> np.ndarray:
    """Go on by some steps: one by one where they are few, else in larger strides of fourth order.

    The drift of a step is so small that the recursion is its own differential equation up to terms of eta^2.
    """
    if span <= _STRIDES:
        for _ in range(span):
            state = state + velocity(state)
        return state
    stride = span / _STRIDES
    for _ in range(_STRIDES):
        one = velocity(state)
        two = velocity(state + stride / 2 * one)
        three = velocity(state + stride / 2 * two)
        four = velocity(state + stride * three)
        state = state + stride / 6 * (one + 2 * two + 2 * three + four)
    return state


class _Table:
    """Functions of the overlap on the grid, one per instance, between its points interpolated."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self._places = np.arange(len(values))
        self._cells = len(GRID) - 1

    def __call__(self, overlap: np.ndarray) -> np.ndarray:
        where = (np.clip(overlap, -1, 1) + 1) * (self._cells / 2)
        left = np.minimum(where.astype(int), self._cells - 1)
        low, high = self._values[self._places, left], self._values[self._places, left + 1]
        return np.asarray(low + (where - left) * (high - low))
