"""Leave-one-out in closed form against leaving each example out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.kernels import contrasts
from lintune.regression import leave_one_out, ridge_outputs


@given(
    n=st.integers(2, 9),
    k=st.integers(1, 4),
    parameters=st.integers(1, 20),
    strength=st.floats(0.05, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_predictions_are_those_of_the_regression_without_the_example(
    n: int, k: int, parameters: int, strength: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    features, targets = rng.normal(size=(n, k, parameters)), rng.normal(size=(n, k))
    start = rng.normal(size=(n, k))
    kernel = np.einsum("icp,jdp->icjd", features, features)
    found = leave_one_out(kernel, targets, strength, start)
    for i in range(n):
        rest = np.arange(n) != i
        gram = kernel[rest][:, :, rest].reshape((n - 1) * k, -1)
        cross = kernel[rest][:, :, i].reshape((n - 1) * k, k)
        learnt = ridge_outputs(gram, (targets - start)[rest].ravel(), strength, cross)
        np.testing.assert_allclose(found.predictions[i], start[i] + learnt, atol=1e-9)
    np.testing.assert_allclose(found.predictions + found.residuals, targets, atol=1e-12)
    assert found.loss == pytest.approx(float(((targets - found.predictions) ** 2).mean()))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_accuracy_takes_the_class_of_the_largest_score(classes: int) -> None:
    rng = np.random.default_rng(classes)
    n, basis = 20, contrasts(classes)
    features = rng.normal(size=(n, classes - 1, 6))
    labels = rng.integers(classes, size=n)
    found = leave_one_out(np.einsum("icp,jdp->icjd", features, features), basis[labels], 0.5)
    nearest = ((found.predictions[:, None] - basis) ** 2).sum(axis=-1).argmin(axis=1)
    assert found.accuracy(labels) == (nearest == labels).mean()


def test_bad_arguments_are_refused() -> None:
    kernel, targets = np.eye(6).reshape(3, 2, 3, 2), np.ones((3, 2))
    with pytest.raises(InputError, match="kernel of shape"):
        leave_one_out(kernel, targets[:, :1], 1.0)
    with pytest.raises(InputError, match="start of shape"):
        leave_one_out(kernel, targets, 1.0, np.ones(2))
    with pytest.raises(InputError, match="strength=0"):
        leave_one_out(kernel, targets, 0.0)
    with pytest.raises(InputError, match="finite"):
        leave_one_out(np.where(kernel > 0, np.inf, kernel), targets, 1.0)
    with pytest.raises(InputError, match="from 0 to 2"):
        leave_one_out(kernel, targets, 1.0).accuracy(np.array([0, 1, 3]))
