"""What can be had without descent: u from one mean (Remark 14), and c once u is known (Theorem 36)."""

import numpy as np

from lintune.teacher import Problem, Student
from lintune.teacher.draws import draw
from lintune.teacher.duals import dual
from lintune.teacher.hermite import coefficients
from lintune.teacher.population import inner
from lintune.teacher.problem import unit

# Directions of the features' Gram matrix below this, over its largest eigenvalue, are rounding.
_SINGULAR = 1e-12


def first_moment(problem: Problem, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of <u, x> (f*(x) - f(x)) over drawn inputs and its standard error, both `(I,)`.

    u is orthogonal to the rows here, and f is the base network.
    """
    inputs = draw(problem, samples, np.random.default_rng(seed))
    base = inputs.base(problem)
    own = (problem.readout * problem.activation.value(base)).sum(-1)
    products = inputs.along * (inputs.labels(problem, base) - own)
    return products.mean(0), products.std(0, ddof=1) / samples**0.5


def predicted_moment(problem: Problem) -> np.ndarray:
    """Return mu_1 sum_i lambda_i xi c_i / sqrt(1 + xi^2 c_i^2), `(I,)`: E <u, x> (f* - f) for any activation.

    E x sigma(<a, x>) = mu_1 a for a unit vector a, and f has no part along u.
    """
    change = problem.xi[:, None] * problem.c
    return float(coefficients(problem.activation, 1)[1]) * (
        problem.readout * change / np.sqrt(1 + change**2)
    ).sum(1)


def features_left(problem: Problem, student: Student) -> np.ndarray:
    """Return the least E (f* - linear model)^2 over Theorem 36's 2k features, `(I,)`, in closed form.

    The features are sigma(<(w_i +- xi u^ / sqrt(k)) / sqrt(1 + xi^2 / k), x>); the Gram matrix of unit rows
    under standard normal inputs is the dual activation of their inner products.

    Args:
        problem: The instances, c with entries of one size.
        student: Says u^.
    """
    step = (problem.xi / problem.width**0.5)[:, None, None] * student.u[:, None]
    rows = unit(np.concatenate([problem.base + step, problem.base - step], axis=1))
    sigma, wanted = dual(problem.activation), problem.teacher
    gram = sigma.value(inner(rows, rows))
    towards = np.einsum("ifk,ik->if", sigma.value(inner(rows, wanted)), problem.readout)
    size = np.einsum("ik,ikl,il->i", problem.readout, sigma.value(inner(wanted, wanted)), problem.readout)
    weights = np.einsum("ifg,ig->if", np.linalg.pinv(gram, rcond=_SINGULAR, hermitian=True), towards)
    return np.maximum(size - (weights * towards).sum(1), 0)
