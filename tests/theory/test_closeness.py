"""Bounds on closeness against real gradient descent beside its linear twin, on small tanh networks."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune import theory
from lintune.errors import InputError

NETWORKS, HIDDEN, INPUTS, EXAMPLES = 24, 8, 3, 6
SLACK = 1 + 1e-9


def outputs(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return `(..., n)` of networks `(..., p)` with one hidden layer, a . tanh(W x)."""
    hidden = np.tanh(weights(theta) @ x.T)
    return np.asarray(np.einsum("...h,...hn->...n", theta[..., :HIDDEN], hidden))


def jacobian(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return `(..., n, p)`, derived by hand."""
    hidden = np.tanh(weights(theta) @ x.T)
    inner = (theta[..., :HIDDEN, None] * (1 - hidden**2))[..., :, None] * x
    flat = np.moveaxis(inner, -2, -3).reshape(*theta.shape[:-1], EXAMPLES, HIDDEN * INPUTS)
    return np.concatenate([np.moveaxis(hidden, -1, -2), flat], axis=-1)


def weights(theta: np.ndarray) -> np.ndarray:
    return theta[..., HIDDEN:].reshape(*theta.shape[:-1], HIDDEN, INPUTS)


def norm(matrices: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(matrices, 2, axis=(-2, -1)))


@dataclass
class Runs:
    """Real and linear runs of B networks: by step t, `(T + 1, B, ...)`."""

    step: np.ndarray
    strength: float
    losses: np.ndarray
    slopes: np.ndarray
    drifts: np.ndarray
    gaps: np.ndarray
    function_gaps: np.ndarray
    output_gaps: np.ndarray
    kernel_drifts: np.ndarray
    curvature: np.ndarray


def run(relative: float, steps: int, share: float = 0.4, shrink: float = 1.0) -> Runs:
    """Train B networks and their twins with a strength relative to the kernels' mean largest eigenvalue."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(EXAMPLES, INPUTS)), rng.normal(size=(NETWORKS, EXAMPLES))
    start = rng.normal(size=(NETWORKS, HIDDEN * (INPUTS + 1))) * shrink
    f0, j0 = outputs(start, x), jacobian(start, x)
    k0 = j0 @ j0.swapaxes(-1, -2)
    largest = norm(k0)
    strength = relative * float(largest.mean())
    step = share * 2 / (largest + 2 * strength)
    theta, twin = start.copy(), start.copy()
    found: dict[str, list[np.ndarray]] = {name: [] for name in Runs.__annotations__}
    for time in range(steps + 1):
        moved, j = theta - start, jacobian(theta, x)
        residual, linear = outputs(theta, x) - y, f0 + np.einsum("bnp,bp->bn", j0, twin - start)
        same = f0 + np.einsum("bnp,bp->bn", j0, moved)
        drift = np.linalg.norm(moved, axis=1)
        found["losses"].append((residual**2).sum(axis=1) / 2)
        found["slopes"].append(norm(j))
        found["drifts"].append(drift)
        found["gaps"].append(np.linalg.norm(theta - twin, axis=1))
        found["function_gaps"].append(np.linalg.norm(residual + y - same, axis=1))
        found["output_gaps"].append(np.linalg.norm(residual + y - linear, axis=1))
        found["kernel_drifts"].append(norm(j @ j.swapaxes(-1, -2) - k0))
        if time:
            share_of = np.linspace(0.05, 1, 8)[:, None, None]
            turned = norm(jacobian(start + share_of * moved, x) - j0) / (share_of[..., 0] * drift)
            found["curvature"].append(turned.max(axis=0))
        pull = np.einsum("bnp,bn->bp", j, residual) + strength * moved
        pull_twin = np.einsum("bnp,bn->bp", j0, linear - y) + strength * (twin - start)
        theta, twin = theta - step[:, None] * pull, twin - step[:, None] * pull_twin
    measured = {name: np.array(values) for name, values in found.items() if values}
    measured["curvature"] = measured["curvature"].max(axis=0)
    return Runs(step=step, strength=strength, **measured)


@pytest.mark.parametrize("relative", [0.0, 0.02, 0.2, 1.0, 5.0])
def test_no_bound_is_broken(relative: float) -> None:
    steps = 250
    runs = run(relative, steps)
    strength = runs.strength
    objective = runs.losses + strength / 2 * runs.drifts**2
    assert (objective <= objective[0] * SLACK).all()  # the premise
    for place in range(NETWORKS):
        loss, start_slope = float(runs.losses[0, place]), float(runs.slopes[0, place])
        slope, curvature = float(runs.slopes[:, place].max()), float(runs.curvature[place])
        drift, step = float(runs.drifts[:, place].max()), float(runs.step[place])
        assert drift <= theory.drift_from_loss(initial_loss=loss, strength=strength)
        assert drift <= theory.drift_from_start(
            initial_loss=loss, strength=strength, start_slope=start_slope, curvature=curvature
        )
        assert (runs.kernel_drifts[:, place] <= SLACK * theory.kernel_drift(
            slope=slope, start_slope=start_slope, curvature=curvature, drift=drift
        )).all()  # fmt: skip
        for time in range(steps + 1):
            assert runs.drifts[time, place] <= SLACK * theory.drift_from_slope(
                initial_loss=loss, strength=strength, slope=slope, step=step, steps=time
            )
            here = float(runs.drifts[time, place])
            assert (
                runs.function_gaps[time, place]
                <= SLACK * theory.function_gap(curvature=curvature, drift=here) + 1e-14
            )
            described = {
                "initial_loss": loss,
                "strength": strength,
                "start_slope": start_slope,
                "curvature": curvature,
                "drift": drift,
                "step": step,
                "steps": time,
            }
            assert runs.gaps[time, place] <= SLACK * theory.parameter_gap(**described)
            assert runs.output_gaps[time, place] <= SLACK * theory.output_gap(**described) + 1e-14


def test_jacobian_by_hand_is_the_derivative() -> None:
    rng = np.random.default_rng(3)
    theta, x = rng.normal(size=HIDDEN * (INPUTS + 1)), rng.normal(size=(EXAMPLES, INPUTS))
    nudges = 1e-6 * np.eye(len(theta))
    slopes = (outputs(theta + nudges, x) - outputs(theta - nudges, x)) / 2e-6
    np.testing.assert_allclose(jacobian(theta, x), slopes.T, atol=1e-8)


def test_drift_falls_with_the_strength_and_the_gap_with_its_square() -> None:
    weak, strong = run(30.0, 60), run(120.0, 60)
    ratio = math.log(strong.strength / weak.strength)
    drift = np.log(strong.drifts[-1] / weak.drifts[-1]) / ratio
    gap = np.log(strong.gaps[-1] / weak.gaps[-1]) / ratio
    np.testing.assert_allclose(drift, -1, atol=0.06)
    np.testing.assert_allclose(np.median(gap), -2, atol=0.06)
    np.testing.assert_allclose(gap, -2, atol=0.25)
    loose = run(1.0, 300)
    less = np.log(weak.drifts[-1] / loose.drifts[-1]) / math.log(weak.strength / loose.strength)
    assert (np.abs(less + 1) > np.abs(drift + 1)).all()


def test_bounds_at_one_place_are_attained() -> None:
    # f(theta) = theta + b theta^2 / 2 at 0 has the curvature b everywhere.
    curvature, drift = 0.7, 0.3
    assert theory.function_gap(curvature=curvature, drift=drift) == pytest.approx(curvature * drift**2 / 2)
    turned = (1 + curvature * drift) ** 2 - 1
    bound = theory.kernel_drift(slope=1 + curvature * drift, start_slope=1, curvature=curvature, drift=drift)
    assert bound == pytest.approx(turned)


def test_a_scalar_run_comes_near_the_bounds_on_drift_and_gap() -> None:
    """The model theta + b theta^2 / 2 towards 1 under a strong pull: both are nearly all bound."""
    curvature, strength, step, steps = 0.5, 1000.0, 5e-4, 200
    theta = twin = drift = 0.0
    for _ in range(steps):
        slope = 1 + curvature * theta
        residual = theta + curvature * theta**2 / 2 - 1
        theta, twin = (
            theta - step * (slope * residual + strength * theta),
            twin - step * (twin - 1 + strength * twin),
        )
        drift = max(drift, abs(theta))
    bound = theory.parameter_gap(
        initial_loss=0.5,
        strength=strength,
        start_slope=1,
        curvature=curvature,
        drift=drift,
        step=step,
        steps=steps,
    )
    assert 0.95 * bound < abs(theta - twin) < bound
    farthest = theory.drift_from_slope(
        initial_loss=0.5,
        strength=strength,
        slope=1 + curvature * drift,
        step=step,
        steps=steps,
    )
    assert 0.95 * farthest < drift < farthest


@given(st.floats(1e-6, 100), st.integers(0, 60), st.floats(0.01, 1))
def test_accumulated_steps_are_the_geometric_sum(strength: float, steps: int, share: float) -> None:
    step = share / strength
    expected = sum(step * (1 - step * strength) ** k for k in range(steps))
    found = theory.drift_from_slope(initial_loss=0.5, strength=strength, slope=1, step=step, steps=steps)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_no_pull_is_the_limit() -> None:
    def bound(strength: float) -> float:
        return theory.parameter_gap(
            initial_loss=2.0,
            strength=strength,
            start_slope=1.5,
            curvature=0.3,
            drift=0.8,
            step=0.1,
            steps=50,
        )

    assert bound(1e-9) == pytest.approx(bound(0.0), rel=1e-6)
    assert bound(0.0) == pytest.approx(5.0 * (0.3 * 0.8 * 2 + 1.5 * 0.3 * 0.8**2 / 2))
    assert theory.drift_from_loss(initial_loss=1.0, strength=0.0) == math.inf
    assert theory.drift_from_loss(initial_loss=0.0, strength=0.0) == 0
    assert theory.largest_step(strength=0.0, start_slope=0.0) == math.inf
    assert theory.drift_from_slope(initial_loss=1, strength=0, slope=1, step=0.1) == math.inf
    assert theory.drift_from_start(initial_loss=0.5, strength=1, start_slope=1, curvature=2) == math.inf
    assert theory.drift_from_start(initial_loss=0.5, strength=3, start_slope=1, curvature=2) == 1
    assert theory.drift_from_start(initial_loss=0, strength=0, start_slope=1, curvature=2) == 0


def test_the_condition_on_the_step_is_the_right_one() -> None:
    """Just above the limit the twin of the stiffest direction no longer contracts by 1 - step * strength."""
    strength, slope = 0.3, 2.0
    limit = theory.largest_step(strength=strength, start_slope=slope)
    stiff = abs(1 - limit * (slope**2 + strength))
    assert stiff == pytest.approx(1 - limit * strength)
    described = {"initial_loss": 1.0, "curvature": 1.0, "drift": 1.0, "strength": strength}
    theory.parameter_gap(step=limit, start_slope=slope, **described)
    with pytest.raises(InputError, match="stops contracting"):
        theory.parameter_gap(step=1.01 * limit, start_slope=slope, **described)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="strength=-1"):
        theory.drift_from_loss(initial_loss=1, strength=-1)
    with pytest.raises(InputError, match="initial_loss=nan"):
        theory.drift_from_loss(initial_loss=math.nan, strength=1)
    with pytest.raises(InputError, match="step=0"):
        theory.drift_from_slope(initial_loss=1, strength=1, slope=1, step=0)
    with pytest.raises(InputError, match="at most 1/strength"):
        theory.drift_from_slope(initial_loss=1, strength=2, slope=1, step=1)
    with pytest.raises(InputError, match="steps=-1"):
        theory.drift_from_slope(initial_loss=1, strength=1, slope=1, step=0.5, steps=-1)
    with pytest.raises(InputError, match="drift=-1"):
        theory.function_gap(curvature=1, drift=-1)
    with pytest.raises(InputError, match="slope=-1"):
        theory.kernel_drift(slope=-1, start_slope=1, curvature=1, drift=1)
