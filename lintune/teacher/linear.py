"""The student that is linear in the weights: its loss in closed form, and the plateau that it cannot leave.

It is f + sum_i lambda_i sigma'(<w_i, x>) xi c^_i <u^, x>, the network's first-order expansion at the base
network, with u^ of any length orthogonal to the rows.
"""

import numpy as np

from lintune.errors import InputError
from lintune.teacher import population
from lintune.teacher.duals import dual
from lintune.teacher.problem import Problem
from lintune.teacher.student import Student


def loss(problem: Problem, student: Student) -> np.ndarray:
    """Return E (f_linear - f*)^2, `(I,)`.

    Raises:
        InputError: u^ has a part in the span of the rows.
    """
    if not np.allclose(student.inside, 0):
        raise InputError("inside must be 0: the linear student has u^ orthogonal to the rows.")
    towards, among = _features(problem)
    b = problem.readout * problem.xi[:, None] * student.c
    squared = np.square(student.u).sum(1) * np.einsum("ik,ikl,il->i", b, among, b)
    return population.size(problem) - 2 * student.along * (b * towards).sum(1) + squared


def plateau(problem: Problem, c: np.ndarray | None = None) -> np.ndarray:
    """Return the least loss of the linear student, `(I,)`.

    Args:
        problem: The instances.
        c: `(I, k)` where c^ is held there; None where it is trained too.
    """
    towards, among = _features(problem)
    if c is None:
        # lambda_i times any c^_i is any vector, where no lambda is 0; and the length of u^ is free.
        # The pseudo-inverse, for features that depend on one another, as those of a linear activation.
        gained = np.einsum("ik,ikl,il->i", towards, np.linalg.pinv(among, hermitian=True), towards)
    else:
        b = problem.readout * c
        gained = (b * towards).sum(1) ** 2 / np.einsum("ik,ikl,il->i", b, among, b)
    return population.size(problem) - gained


def share(problem: Problem, c: np.ndarray | None = None) -> np.ndarray:
    """Return the plateau over the loss of the base network, `(I,)`: what part of the change is not linear."""
    return plateau(problem, c) / population.size(problem)


def _features(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return inner products of the features phi_i = sigma'(<w_i, x>) <v, x>, v along u outside the span.

    Returns:
        `(I, k)` E (f* - f) phi_i, and `(I, k, k)` E phi_i phi_j. That of sigma(<a, x>) with phi_i is the
        derivative of the dual activation at <a, w_i> times <a, v>, since phi_i is the derivative of
        sigma(<w_i + t v, x>) at t = 0; f has no part along v.
    """
    sigma, base = dual(problem.activation), problem.base
    across = sigma.slope(population.inner(problem.teacher, base))
    along = problem.readout * problem.teacher[..., problem.rank]
    towards = np.einsum("ij,ijk->ik", along, across)
    return towards, sigma.slope(population.inner(base, base))
