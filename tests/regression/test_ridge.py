"""The optimum of the linear model against the one found in its weights."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.regression import ridge_outputs
from tests.regression.linear import linear


@pytest.mark.parametrize("parameters", [4, 30])
def test_ridge_outputs_are_those_of_the_least_objective(parameters: int) -> None:
    model = linear(parameters=parameters)
    hessian = model.features.T @ model.features + 0.3 * np.eye(parameters)
    weights = np.linalg.solve(hessian, model.features.T @ model.residual)
    found = ridge_outputs(model.gram, model.residual, 0.3)
    np.testing.assert_allclose(found, model.features @ weights, atol=1e-10)
    found = ridge_outputs(model.gram, model.residual, 0.3, model.cross)
    np.testing.assert_allclose(found, model.others @ weights, atol=1e-10)


def test_ridge_outputs_refuse_bad_arguments() -> None:
    model = linear()
    with pytest.raises(InputError, match="strength=0"):
        ridge_outputs(model.gram, model.residual, 0.0)
    with pytest.raises(InputError, match="cross of shape"):
        ridge_outputs(model.gram, model.residual, 1.0, model.cross[:3])
    with pytest.raises(InputError, match="residual of shape"):
        ridge_outputs(model.gram, model.residual[:3], 1.0)
