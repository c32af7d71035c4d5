"""The closed forms against the differential equation, and against gradient descent in the weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg
from scipy.integrate import solve_ivp

from lintune.errors import InputError
from lintune.regression import GradientFlow, ridge_outputs
from tests.regression.linear import Linear, linear

TIMES = np.array([0.0, 0.01, 0.3, 2.0, 40.0])
MODELS = [linear(), linear(parameters=4)]  # with a kernel that is positive definite, and a singular one


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_flow_is_the_matrix_exponential(model: Linear, strength: float) -> None:
    flow = GradientFlow(model.gram, model.residual, strength)
    hessian = model.features.T @ model.features + strength * np.eye(model.features.shape[1])
    end = np.linalg.lstsq(hessian, model.features.T @ model.residual)[0]
    weights = np.array([end - linalg.expm(-hessian * time) @ end for time in TIMES])
    np.testing.assert_allclose(flow.outputs(TIMES), weights @ model.features.T, atol=1e-10)
    np.testing.assert_allclose(flow.other_outputs(model.cross, TIMES), weights @ model.others.T, atol=1e-10)
    np.testing.assert_allclose(flow.drift(TIMES), np.linalg.norm(weights, axis=1), atol=1e-10)
    np.testing.assert_allclose(flow.loss(TIMES), model.loss(weights), atol=1e-10)


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_flow_solves_the_differential_equation_of_the_weights(strength: float) -> None:
    model = linear()
    solved = solve_ivp(
        lambda _, weights: -model.gradient(weights, strength),
        (0, TIMES[-1]),
        np.zeros(30),
        t_eval=TIMES,
        method="LSODA",
        rtol=1e-9,
        atol=1e-11,
    )
    outputs = GradientFlow(model.gram, model.residual, strength).outputs(TIMES, start=model.residual)
    np.testing.assert_allclose(outputs, model.residual + solved.y.T @ model.features.T, atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strength", [0.0, 0.4])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_descent_is_gradient_descent_step_by_step(model: Linear, strength: float, share: float) -> None:
    """Small steps, and steps so long that the first modes swing from side to side."""
    step = share * 2 / (np.linalg.eigvalsh(model.gram)[-1] + strength)
    weights = model.descend(strength, step, 3000)
    path, times = GradientFlow(model.gram, model.residual, strength, step=step), np.arange(3001)
    np.testing.assert_allclose(path.outputs(times), weights @ model.features.T, atol=1e-10)
    np.testing.assert_allclose(path.other_outputs(model.cross, times), weights @ model.others.T, atol=1e-10)
    np.testing.assert_allclose(path.loss(times), model.loss(weights), atol=1e-10)
    drift = np.linalg.norm(weights, axis=1)
    np.testing.assert_allclose(path.drift(times), drift, atol=1e-10)
    objective = model.loss(weights) + strength / 2 * drift**2
    np.testing.assert_allclose(path.objective(times), objective, atol=1e-10)


@pytest.mark.parametrize("step", [None, 0.01])
@pytest.mark.parametrize("strength", [1e-3, 0.4, 50.0])
def test_the_end_is_kernel_ridge_regression(step: float | None, strength: float) -> None:
    for model in MODELS:
        path = GradientFlow(model.gram, model.residual, strength, step=step)
        ridge = ridge_outputs(model.gram, model.residual, strength)
        np.testing.assert_allclose(path.outputs(np.array(np.inf)), ridge, atol=1e-10)
        ridge = ridge_outputs(model.gram, model.residual, strength, model.cross)
        np.testing.assert_allclose(path.other_outputs(model.cross, np.array(np.inf)), ridge, atol=1e-10)
        dual = np.linalg.solve(model.gram + strength * np.eye(9), model.residual)
        assert path.optimum == pytest.approx(strength / 2 * model.residual @ dual, rel=1e-10)
        assert path.objective(np.array(np.inf)) == path.optimum


def test_without_a_pull_the_end_is_the_shortest_way_to_the_least_loss() -> None:
    for model in MODELS:
        flow, end = GradientFlow(model.gram, model.residual), np.array(np.inf)
        weights = np.linalg.pinv(model.features) @ model.residual
        np.testing.assert_allclose(flow.outputs(end), model.features @ weights, atol=1e-9)
        np.testing.assert_allclose(flow.other_outputs(model.cross, end), model.others @ weights, atol=1e-9)
        assert flow.drift(end) == pytest.approx(np.linalg.norm(weights), rel=1e-9)
        assert flow.optimum == pytest.approx(model.loss(weights), abs=1e-12)


def test_small_steps_of_descent_are_flow() -> None:
    model, times = linear(), np.array([0.1, 1.0, 5.0])
    flow = GradientFlow(model.gram, model.residual, 0.2).outputs(times)
    descent = GradientFlow(model.gram, model.residual, 0.2, step=1e-6).outputs(np.rint(times / 1e-6))
    np.testing.assert_allclose(descent, flow, atol=1e-4)


models = st.builds(
    linear,
    outputs=st.integers(1, 12),
    parameters=st.integers(1, 20),
    seed=st.integers(0, 2**32 - 1),
)
strengths = st.one_of(st.just(0.0), st.floats(1e-6, 1e3))


def rises(values: np.ndarray) -> float:
    """Return the largest rise from one value to the next, relative to the largest value."""
    return float(np.diff(values).max(initial=0) / np.abs(values).max())


@given(models, strengths, st.one_of(st.none(), st.floats(0.01, 0.5)))
def test_loss_and_objective_never_rise_and_drift_never_falls(
    model: Linear, strength: float, share: float | None
) -> None:
    """Under flow, and under descent whose step is at most 1 / (l_max + lambda)."""
    largest = np.linalg.eigvalsh(model.gram)[-1] + strength
    path = GradientFlow(
        model.gram, model.residual, strength, step=None if share is None else share * 2 / largest
    )
    times = np.append(np.rint(np.logspace(0, 7, 60)) - 1, np.inf)
    assert rises(path.loss(times)) < 1e-12
    assert rises(path.objective(times)) < 1e-12
    assert rises(-path.drift(times)) < 1e-12


@given(models, strengths, st.floats(0.5, 0.999))
def test_with_long_steps_the_objective_still_never_rises(
    model: Linear, strength: float, share: float
) -> None:
    step = share * 2 / (np.linalg.eigvalsh(model.gram)[-1] + strength)
    path = GradientFlow(model.gram, model.residual, strength, step=step)
    assert rises(path.objective(np.arange(60))) < 1e-12
    assert rises(path.objective(np.append(np.rint(np.logspace(0, 7, 60)) - 1, np.inf))) < 1e-12


@given(models, strengths)
def test_objective_is_loss_and_pull(model: Linear, strength: float) -> None:
    flow, times = GradientFlow(model.gram, model.residual, strength), np.array([0.0, 0.5, 30.0, np.inf])
    expected = flow.loss(times) + strength / 2 * flow.drift(times) ** 2
    np.testing.assert_allclose(flow.objective(times), expected, rtol=1e-9, atol=1e-12)


def test_times_of_any_shape_are_taken() -> None:
    model = linear()
    flow = GradientFlow(model.gram, model.residual, 0.1)
    assert flow.outputs(np.array(1.0)).shape == (9,)
    assert flow.other_outputs(model.cross, np.ones((2, 3))).shape == (2, 3, 5)
    assert flow.loss(np.ones((2, 3))).shape == (2, 3)


def test_nothing_happens_to_a_kernel_of_zeros() -> None:
    flow = GradientFlow(np.zeros((3, 3)), np.ones(3), step=1.0)
    assert flow.loss(np.array([0, 5, np.inf])).tolist() == [1.5, 1.5, 1.5]
    assert flow.drift(np.array(np.inf)) == 0


def test_bad_arguments_are_refused() -> None:
    model = linear()
    gram, residual = model.gram, model.residual
    limit = 2 / (np.linalg.eigvalsh(gram)[-1] + 0.5)
    with pytest.raises(InputError, match=f"below 2 / .* = {limit:.6g}"):
        GradientFlow(gram, residual, 0.5, step=1.001 * limit)
    GradientFlow(gram, residual, 0.5, step=0.999 * limit)
    with pytest.raises(InputError, match="step=0"):
        GradientFlow(gram, residual, step=0.0)
    with pytest.raises(InputError, match="strength=-1"):
        GradientFlow(gram, residual, -1.0)
    with pytest.raises(InputError, match="square"):
        GradientFlow(gram[:5], residual)
    with pytest.raises(InputError, match=r"residual of shape \(5,\)"):
        GradientFlow(gram, residual[:5])
    with pytest.raises(InputError, match="1 of its numbers"):
        GradientFlow(gram, np.where(np.arange(9) == 2, np.nan, residual))
    with pytest.raises(InputError, match="symmetric"):
        GradientFlow(np.triu(gram), residual)
    with pytest.raises(InputError, match="semidefinite"):
        GradientFlow(-gram, residual)
    with pytest.raises(InputError, match="at least 0"):
        GradientFlow(gram, residual).loss(np.array([-1.0]))
    with pytest.raises(InputError, match="whole"):
        GradientFlow(gram, residual, step=0.5 * limit).loss(np.array([0.5]))
    with pytest.raises(InputError, match="cross of shape"):
        GradientFlow(gram, residual).other_outputs(model.cross.T, np.array([1.0]))
