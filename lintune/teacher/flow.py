"""The gradient flow of the population loss: what descent follows as its steps become small."""

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp

from lintune.errors import InputError
from lintune.teacher import population
from lintune.teacher.problem import Problem, unit
from lintune.teacher.student import Student

# Relative accuracy of the flow.
_TOLERANCE = 1e-8


def flow(
    problem: Problem, student: Student, times: Sequence[float], *, c_rate: float = 0.0, outside: bool = True
) -> list[Student]:
    """Return the students on the projected gradient flow of the loss, of both unit vectors.

    Gradient descent with step size eta follows it at times eta t, as eta d becomes small.

    Args:
        problem: The instances.
        student: Where they start.
        times: Moments, increasing, from 0 on.
        c_rate: Step size of c^ over that of u^; 0 leaves c^ as it is.
        outside: Whether u^ stays orthogonal to the rows.

    Raises:
        InputError: Times do not increase from 0 on.
    """
    moments = np.asarray(times, dtype=float)
    if moments.ndim != 1 or not len(moments) or moments[0] < 0 or (np.diff(moments) <= 0).any():
        raise InputError(f"times={list(times)} must increase from 0 on.")
    shapes = (student.u.shape, student.c.shape)
    split = student.u.size

    def unpacked(flat: np.ndarray) -> Student:
        # The solver leaves the spheres by its error, which would grow: it is taken back to them.
        u, c = (
            unit(part.reshape(shape))
            for part, shape in zip((flat[:split], flat[split:]), shapes, strict=True)
        )
        return Student(u[:, :-2], u[:, -2], u[:, -1], c)

    def velocity(_: float, flat: np.ndarray) -> np.ndarray:
        here = unpacked(flat)
        found = population.gradient(problem, here)
        to_u = found.u.copy()
        if outside:
            to_u[:, :-2] = 0
        to_c = c_rate * found.c
        return -np.concatenate([_along_sphere(to_u, here.u).ravel(), _along_sphere(to_c, here.c).ravel()])

    start = np.concatenate([student.u.ravel(), student.c.ravel()])
    found = solve_ivp(
        velocity, (0, moments[-1]), start, t_eval=moments, rtol=_TOLERANCE, atol=_TOLERANCE, method="LSODA"
    )
    return [unpacked(each) for each in found.y.T]


def _along_sphere(gradient: np.ndarray, point: np.ndarray) -> np.ndarray:
    return np.asarray(gradient - (gradient * point).sum(1, keepdims=True) * point)
