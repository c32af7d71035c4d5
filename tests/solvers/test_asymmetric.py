"""The asymmetric machine against its dense system, its stationary point, and the symmetric machine."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.solvers import Asymmetric
from lintune.solvers.asymmetric import saddle
from tests.solvers.problems import Problem, problem


def dense(kernel: np.ndarray, signs: np.ndarray, shift: float) -> np.ndarray:
    """Return the system of alpha and beta as a matrix `(2n, 2n)`."""
    signed, diagonal = signs[:, None] * kernel * signs, shift * np.eye(len(signs))
    return np.block([[diagonal, signed], [signed.T, diagonal]])


def dense_solution(kernel: np.ndarray, signs: np.ndarray, shift: float) -> np.ndarray:
    """Return alpha and beta, `(2, n)`."""
    ones: np.ndarray = np.ones(2 * len(signs))
    return np.asarray(np.linalg.solve(dense(kernel, signs, shift), ones)).reshape(2, -1)


def class_kernels(given: Problem, label: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return a class's scalar training, cross and flipped kernels, and its signs.

    The output is the logit of the class minus the mean of the others, as a unit vector of logits.
    """
    classes = given.all_logits.shape[1]
    direction = np.where(np.arange(classes) == label, 1.0, -1 / (classes - 1))
    unit = given.basis.T @ direction / np.linalg.norm(direction)
    left, right = given.rows.transpose(0, 2, 1) @ unit, given.columns.transpose(0, 2, 1) @ unit
    both, n = left @ right.T, given.train
    return both[:n, :n], both[:n, n:], both[n:, :n], np.where(given.labels == label, 1.0, -1.0)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("gamma", [0.5, 30.0])
@pytest.mark.parametrize("mix", [0.0, 0.3, 1.0])
def test_scores_are_those_of_the_dense_system_of_each_class(classes: int, gamma: float, mix: float) -> None:
    given = problem(classes, symmetric=False)
    shift = float(np.linalg.norm(given.gram, 2)) / gamma
    fitted = Asymmetric(gamma, mix).fit(given.kernel, given.logits, given.labels)
    scores = fitted.scores(given.cross, given.new_logits, given.flipped)
    for label in range(classes):
        kernel, cross, flipped, signs = class_kernels(given, label)
        alpha, beta = dense_solution(kernel, signs, shift)
        expected = mix * (alpha * signs) @ cross + (1 - mix) * flipped @ (beta * signs)
        np.testing.assert_allclose(scores[:, label], expected, atol=1e-9)


@drawn(
    n=st.integers(1, 8),
    rank=st.integers(1, 8),
    shift=st.floats(0.01, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_system_is_solved(n: int, rank: int, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel, signs = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n)), rng.choice([-1.0, 1.0], size=n)
    alpha, beta = saddle(kernel, signs, shift)
    matrix, both = dense(kernel, signs, shift), np.concatenate([alpha * signs, beta * signs])
    rounding = 1e-10 * np.linalg.norm(matrix, 2) * (1 + np.linalg.norm(both))
    assert np.abs(matrix @ both - 1).max() < rounding


def test_a_singular_system_gets_the_solution_of_least_norm() -> None:
    kernel, signs = np.diag([2.0, 1.0, 0.5]), np.array([1.0, -1.0, 1.0])
    kernel = kernel @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    found = np.concatenate([each * signs for each in saddle(kernel, signs, 1.0)])
    expected = np.linalg.lstsq(dense(kernel, signs, 1.0), np.ones(6), rcond=1e-10)[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_functions_are_a_stationary_point() -> None:
    """Of <w, v> and the squared errors of both functions, as the docstring has it."""
    given, gamma = problem(2, symmetric=False), 5.0
    fitted = Asymmetric(gamma).fit(given.kernel, given.logits, given.labels)
    left, right = given.rows[: given.train, 0], given.columns[: given.train, 0]
    signs, weight = np.where(given.labels == 1, 1.0, -1.0), gamma / np.linalg.norm(given.gram, 2)
    w, v = right.T @ fitted.backward[:, 1], left.T @ fitted.forward[:, 1]
    np.testing.assert_allclose(v, weight * left.T @ (signs - left @ w), atol=1e-9)
    np.testing.assert_allclose(w, weight * right.T @ (signs - right @ v), atol=1e-9)


@pytest.mark.parametrize("gamma", [0.1, 1.0, 50.0])
def test_a_symmetric_kernel_gives_the_symmetric_machine(gamma: float) -> None:
    """Both are (I / gamma + H)^-1 1, the mix makes no difference, and cross tells the flipped kernel."""
    given = problem(3)
    shift = np.linalg.norm(given.gram, 2) / gamma
    fitted = Asymmetric(gamma).fit(given.kernel, given.logits, given.labels)
    for label in range(3):
        kernel, _, _, signs = class_kernels(given, label)
        expected = np.linalg.solve(shift * np.eye(len(signs)) + kernel, signs)
        np.testing.assert_allclose(fitted.forward[:, label], expected, atol=1e-9)
        np.testing.assert_allclose(fitted.backward[:, label], expected, atol=1e-9)
    known = fitted.scores(given.cross, given.new_logits)
    np.testing.assert_allclose(fitted.scores(given.cross, given.new_logits, given.flipped), known, atol=1e-12)
    for mix in (0.0, 1.0):
        other = Asymmetric(gamma, mix).fit(given.kernel, given.logits, given.labels)
        np.testing.assert_allclose(other.scores(given.cross, given.new_logits), known, atol=1e-9)


def test_two_classes_have_opposite_scores() -> None:
    given = problem(2, symmetric=False)
    fitted = Asymmetric(3.0).fit(given.kernel, given.logits, given.labels)
    scores = fitted.scores(given.cross, given.new_logits, given.flipped)
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1], atol=1e-10)


def test_bad_arguments_are_refused() -> None:
    given = problem(3, symmetric=False)
    with pytest.raises(InputError, match="gamma=0 must be positive"):
        Asymmetric(0)
    with pytest.raises(InputError, match="mix=1.5 must be from 0 to 1"):
        Asymmetric(1.0, 1.5)
    with pytest.raises(InputError, match="each of 3 classes at least 1 times"):
        Asymmetric(2.0).fit(given.kernel, given.logits, np.minimum(given.labels, 1))
    fitted = Asymmetric(2.0).fit(given.kernel, given.logits, given.labels)
    with pytest.raises(InputError, match="flipped is needed at mix=0.5"):
        fitted.scores(given.cross, given.new_logits)
    with pytest.raises(InputError, match="flipped of shape"):
        fitted.scores(given.cross, given.new_logits, given.cross)
    with pytest.raises(InputError, match="cross must be"):
        fitted.scores(given.flipped, given.new_logits, given.flipped)
