"""Kernel regression against dense algebra, refitting, and the linear model it stands for."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.kernels import contrasts
from lintune.regression import leave_one_out
from lintune.solvers import fit


def problem(n: int, classes: int, m: int = 7, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return features of training and new examples per contrast, logits of both and labels."""
    rng = np.random.default_rng(seed)
    k, p = classes - 1, 40
    train, new = rng.normal(size=(n, k, p)), rng.normal(size=(m, k, p))
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=n - classes)])
    return train, new, rng.normal(size=(n, classes)), rng.normal(size=(m, classes)), labels


def kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.einsum("icp,jdp->icjd", left, right)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_prediction_is_that_of_the_ridge_regularised_linear_model(classes: int) -> None:
    """The dual answer equals explicit ridge regression on the features, offset by the scaled start."""
    train, new, start, new_start, labels = problem(12, classes)
    fitted = fit(kernel(train, train), start, labels, ridges=[0.1], offsets=[0.5])
    basis = contrasts(classes)
    features = train.reshape(-1, train.shape[-1])
    residual = (basis[labels] - 0.5 * start @ basis).ravel()
    weights = np.linalg.solve(
        features.T @ features + fitted.ridge * np.eye(features.shape[1]), features.T @ residual
    )
    expected = (0.5 * new_start @ basis + new @ weights) @ basis.T
    np.testing.assert_allclose(fitted.scores(kernel(train, new), new_start), expected, atol=1e-10)


@pytest.mark.parametrize("classes", [2, 4])
def test_leave_one_out_equals_refitting(classes: int) -> None:
    train, _, start, _, labels = problem(9, classes)
    fitted = fit(kernel(train, train), start, labels, ridges=[0.3], offsets=[0.1])
    basis, missed = contrasts(classes), []
    for i in range(len(labels)):
        rest = np.arange(len(labels)) != i
        gram = kernel(train[rest], train[rest]).reshape(rest.sum() * (classes - 1), -1)
        residual = (basis[labels[rest]] - 0.1 * start[rest] @ basis).ravel()
        dual = np.linalg.solve(gram + fitted.ridge * np.eye(len(gram)), residual)
        cross = kernel(train[rest], train[[i]]).reshape(len(gram), -1)
        missed.append(basis[labels[i]] - 0.1 * start[i] @ basis - cross.T @ dual)
    assert fitted.loss == pytest.approx(float((np.array(missed) ** 2).mean()), rel=1e-10)


def test_the_loss_is_that_of_leave_one_out() -> None:
    train, _, start, _, labels = problem(9, 3)
    fitted, basis = fit(kernel(train, train), start, labels, ridges=[0.3], offsets=[0.1]), contrasts(3)
    found = leave_one_out(kernel(train, train), basis[labels], fitted.ridge, 0.1 * start @ basis)
    assert fitted.loss == pytest.approx(found.loss, rel=1e-10)


def test_ridge_and_offset_of_least_leave_one_out_loss_are_taken() -> None:
    train, _, start, _, labels = problem(15, 3)
    gram = kernel(train, train)
    grid = [fit(gram, start, labels, [r], [o]).loss for r in (0.01, 1.0, 100.0) for o in (0.0, 1.0)]
    assert fit(gram, start, labels, (0.01, 1.0, 100.0), (0.0, 1.0)).loss == min(grid)


def test_a_constant_on_all_logits_changes_no_answer() -> None:
    train, new, start, new_start, labels = problem(10, 3)
    gram, cross = kernel(train, train), kernel(train, new)
    moved = fit(gram, start + 5.0, labels).scores(cross, new_start - 3.0)
    np.testing.assert_allclose(moved, fit(gram, start, labels).scores(cross, new_start), atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_contrasts_are_orthonormal_and_blind_to_constants(classes: int) -> None:
    basis = contrasts(classes)
    np.testing.assert_allclose(basis.T @ basis, np.eye(classes - 1), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-12)


def test_bad_arguments_are_refused() -> None:
    train, _, start, _, labels = problem(6, 3)
    gram = kernel(train, train)
    with pytest.raises(InputError, match="must be"):
        fit(gram[:5], start, labels)
    with pytest.raises(InputError, match="from 0 to 2"):
        fit(gram, start, labels + 1)
    with pytest.raises(InputError, match="positive"):
        fit(gram, start, labels, ridges=[0.0])
    with pytest.raises(InputError, match="finite"):
        fit(gram * np.nan, start, labels)
    with pytest.raises(InputError, match="symmetric for leave-one-out"):
        fit(np.triu(np.ones((12, 12))).reshape(gram.shape), start, labels)
    with pytest.raises(InputError, match="classes=1"):
        contrasts(1)
