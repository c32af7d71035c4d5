"""Least squares against scikit-learn, explicit features, and the steps that its coefficients stand for."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from lintune.errors import InputError
from lintune.solvers import LeastSquares
from tests.solvers.problems import problem


def test_two_classes_without_start_are_kernel_ridge_of_scikit_learn() -> None:
    given = problem(2)
    gram, norm = given.gram, np.linalg.norm(given.gram, 2)
    targets = given.basis[given.labels, 0]
    peer = KernelRidge(alpha=0.1 * norm, kernel="precomputed").fit(gram, targets)
    expected = peer.predict(given.cross[:, 0, :, 0].T)
    found = LeastSquares(0.1).fit(given.kernel, given.logits, given.labels)
    scores = found.scores(given.cross, given.new_logits)
    np.testing.assert_allclose(scores, expected[:, None] * given.basis[:, 0], atol=1e-10)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_symmetric_kernels_give_ridge_regression_on_the_features(classes: int, offset: float) -> None:
    given = problem(classes)
    features, basis = given.features, given.basis
    ridge = 0.01 * np.linalg.norm(given.gram, 2)
    residual = (basis[given.labels] - offset * given.logits @ basis).ravel()
    weights = np.linalg.solve(
        features.T @ features + ridge * np.eye(features.shape[1]), features.T @ residual
    )
    learnt = (given.new_features @ weights).reshape(-1, classes - 1)
    expected = (offset * given.new_logits @ basis + learnt) @ basis.T
    found = LeastSquares(0.01, offset).fit(given.kernel, given.logits, given.labels)
    np.testing.assert_allclose(found.scores(given.cross, given.new_logits), expected, atol=1e-10)


@pytest.mark.parametrize("p", [5, 60])
def test_ridge_zero_is_the_solution_of_least_norm(p: int) -> None:
    """Also where the kernel is singular, with fewer features than outputs."""
    given = problem(3, p=p)
    weights = np.linalg.lstsq(given.features, given.basis[given.labels].ravel())[0]
    found = LeastSquares(0.0).fit(given.kernel, given.logits, given.labels)
    expected = (given.new_features @ weights).reshape(-1, 2) @ given.basis.T
    np.testing.assert_allclose(found.scores(given.cross, given.new_logits), expected, atol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_asymmetric_kernels_reach_the_targets_of_the_training_examples(offset: float) -> None:
    """A model moved along the row features and seen through the column features fits its training labels."""
    given = problem(3, symmetric=False)
    found = LeastSquares(0.0, offset).fit(given.kernel, given.logits, given.labels)
    scores = found.scores(given.kernel, given.logits)
    np.testing.assert_allclose(scores, (given.basis @ given.basis.T)[given.labels], atol=1e-8)
    moved = given.features.T @ found.dual.ravel()
    learnt = given.columns[given.train :].reshape(-1, len(moved)) @ moved
    expected = (offset * given.new_logits @ given.basis + learnt.reshape(-1, 2)) @ given.basis.T
    np.testing.assert_allclose(found.scores(given.cross, given.new_logits), expected, atol=1e-8)


def test_the_ridge_shifts_the_transposed_system() -> None:
    given = problem(3, symmetric=False)
    found = LeastSquares(0.3).fit(given.kernel, given.logits, given.labels)
    left = (given.gram.T + 0.3 * np.linalg.norm(given.gram, 2) * np.eye(len(given.gram))) @ found.dual.ravel()
    np.testing.assert_allclose(left, given.basis[given.labels].ravel(), atol=1e-10)


def test_the_unit_of_the_kernel_changes_no_answer() -> None:
    given = problem(3)
    one, other = (
        LeastSquares(0.01, 0.1).fit(unit * given.kernel, given.logits, given.labels) for unit in (1.0, 1e6)
    )
    np.testing.assert_allclose(
        other.scores(1e6 * given.cross, given.new_logits),
        one.scores(given.cross, given.new_logits),
        atol=1e-9,
    )


def test_bad_arguments_are_refused() -> None:
    given = problem(3)
    with pytest.raises(InputError, match=r"ridge=-0.1 must be at least 0"):
        LeastSquares(-0.1)
    with pytest.raises(InputError, match=r"offset=inf must be finite"):
        LeastSquares(0.1, np.inf)
    with pytest.raises(InputError, match="kernel of shape"):
        LeastSquares(0.1).fit(given.kernel[:5], given.logits, given.labels)
    with pytest.raises(InputError, match="from 0 to 2"):
        LeastSquares(0.1).fit(given.kernel, given.logits, given.labels + 1)
    with pytest.raises(InputError, match="not zero"):
        LeastSquares(0.1).fit(0 * given.kernel, given.logits, given.labels)
    with pytest.raises(InputError, match="logits of shape"):
        LeastSquares(0.1).fit(given.kernel, given.logits * np.nan, given.labels)
    fitted = LeastSquares(0.1).fit(given.kernel, given.logits, given.labels)
    with pytest.raises(InputError, match="cross must be"):
        fitted.scores(given.flipped, given.new_logits)
    with pytest.raises(InputError, match="cross must be finite"):
        fitted.scores(given.cross * np.nan, given.new_logits)
    with pytest.raises(InputError, match="logits of shape"):
        fitted.scores(given.cross, given.new_logits[:, :2])
