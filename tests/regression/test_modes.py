"""Modes: each at its own rate up to its own ceiling, and together the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.regression import GradientFlow, Modes, fastest, grouped, steps_within
from tests.regression.linear import Linear, linear
from tests.regression.test_flow import models, strengths


@given(models, strengths)
def test_modes_sum_to_the_whole(model: Linear, strength: float) -> None:
    flow, times = GradientFlow(model.gram, model.residual, strength), np.array([0.0, 0.2, 3.0, np.inf])
    modes = Modes(flow)
    loss = modes.left(times).sum(axis=-1) * 0.5 * (model.residual**2).sum()
    np.testing.assert_allclose(loss, flow.loss(times), rtol=1e-10)
    np.testing.assert_allclose(modes.energy[-1], 1, rtol=1e-10)
    projected = flow.outputs(times) @ flow.vectors  # each mode's part of the outputs
    np.testing.assert_allclose(projected, modes.learnt(times) * flow.coefficients, atol=1e-10)


def test_a_mode_goes_at_its_rate_to_its_ceiling() -> None:
    model = linear()
    modes = Modes(GradientFlow(model.gram, model.residual, 0.3))
    values = np.linalg.eigvalsh(model.gram)[::-1]
    np.testing.assert_allclose(modes.rates, values + 0.3, rtol=1e-10)
    np.testing.assert_allclose(modes.ceilings, values / (values + 0.3), rtol=1e-10)
    expected = values / (values + 0.3) * (1 - np.exp(-(values + 0.3) * 0.7))
    np.testing.assert_allclose(modes.learnt(np.array(0.7)), expected, rtol=1e-8)
    np.testing.assert_allclose(modes.learnt(np.array(np.inf)), modes.ceilings, rtol=1e-12)
    vectors = np.linalg.eigh(model.gram)[1][:, ::-1]
    energy = (vectors.T @ model.residual) ** 2 / (model.residual**2).sum()
    np.testing.assert_allclose(modes.shares, energy, atol=1e-10)


def test_modes_without_an_eigenvalue_learn_nothing() -> None:
    model = linear(parameters=4)
    modes = Modes(GradientFlow(model.gram, model.residual))
    np.testing.assert_allclose(modes.learnt(np.array(np.inf)), [1, 1, 1, 1, 0, 0, 0, 0, 0])


def test_nothing_to_learn_has_no_energy() -> None:
    modes = Modes(GradientFlow(linear().gram, np.zeros(9), 0.1))
    assert not modes.shares.any()
    assert not modes.left(np.array([0.0, 1.0])).any()


@given(st.integers(2, 20), st.data())
def test_groups_keep_the_sum(size: int, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.sets(st.integers(1, size - 1), max_size=5)))
    values = np.random.default_rng(size).normal(size=(3, size))
    found = grouped(values, ends)
    np.testing.assert_allclose(found.sum(axis=-1), values.sum(axis=-1))
    assert found.shape == (3, len(ends) + 1)
    np.testing.assert_allclose(found[:, 0], values[:, : ends[0] if ends else size].sum(axis=-1))


@pytest.mark.parametrize("strength", [0.0, 0.05, 2.0])
def test_fastest_step_is_the_fastest_and_its_rate_is_kept(strength: float) -> None:
    model = linear()
    values = np.linalg.eigvalsh(model.gram)
    found = fastest(values, strength)
    worst = {
        step: np.abs(1 - step * (values + strength)).max()
        for step in (0.98 * found.step, found.step, 1.02 * found.step)
    }
    assert min(worst, key=lambda step: worst[step]) == found.step
    assert worst[found.step] == pytest.approx(found.rate, rel=1e-12)
    assert found.condition_number == pytest.approx((values[-1] + strength) / (values[0] + strength))
    assert found.rate == pytest.approx((found.condition_number - 1) / (found.condition_number + 1))


def test_zero_eigenvalues_do_not_count() -> None:
    assert fastest(np.array([4.0, 1.0, 0.0]), 0.0) == fastest(np.array([4.0, 1.0]), 0.0)
    flow = GradientFlow(linear(parameters=4).gram, linear().residual)
    assert fastest(flow.values).condition_number < 1e6


@pytest.mark.parametrize("share", [1e-6, 0.01, 0.5, 1e9])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_steps_within_is_the_first_such_step(share: float, strength: float) -> None:
    model = linear()
    step = fastest(np.linalg.eigvalsh(model.gram), strength).step
    path = GradientFlow(model.gram, model.residual, strength, step=step)
    steps = steps_within(path, share)
    inside = path.excess(np.arange(steps + 1)) <= share * path.optimum
    assert inside[-1]
    assert not inside[:-1].any()


def test_bad_arguments_are_refused() -> None:
    model = linear()
    with pytest.raises(InputError, match="ascend"):
        grouped(np.ones(5), (2, 2))
    with pytest.raises(InputError, match="ascend"):
        grouped(np.ones(5), (5,))
    with pytest.raises(InputError, match="eigenvalues"):
        fastest(np.zeros(3))
    with pytest.raises(InputError, match="eigenvalues"):
        fastest(np.array([1.0, -1.0]))
    with pytest.raises(InputError, match="strength=-1"):
        fastest(np.ones(2), -1.0)
    with pytest.raises(InputError, match="no steps"):
        steps_within(GradientFlow(model.gram, model.residual, 0.1), 0.01)
    with pytest.raises(InputError, match="optimum"):
        steps_within(GradientFlow(model.gram, model.residual, step=1e-3), 0.01)
