"""The model with two weights: its closed forms against an integrator, and its theorems against both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.studies import two_weights as study

TIMES = np.linspace(0, 2, 81)
weight = st.floats(-2, 2)


@pytest.mark.parametrize(
    ("start", "target"),
    [((2.0, 1.0), 6.0), ((1.0, 2.0), -3.0), ((-2.0, 1.0), 5.0), ((0.5, -2.0), 0.0), ((4.0, 0.0), 15.0)],
)
def test_closed_form_is_the_flow(start: tuple[float, float], target: float) -> None:
    exact = study.exact_path(start, target, TIMES)
    np.testing.assert_allclose(exact, study.pulled_path(start, target, TIMES), atol=1e-7)
    np.testing.assert_allclose(exact[0], start, atol=1e-12)


def test_path_ends_where_a_pencil_says() -> None:
    np.testing.assert_allclose(study.target_weights((4.0, 0.0), 15.0), [5, 3])
    np.testing.assert_allclose(study.target_weights((0.0, -4.0), 15.0), [-3, -5])
    np.testing.assert_allclose(study.exact_path((4.0, 0.0), 15.0, np.array([50.0])), [[5, 3]])
    assert study.kernel(np.array([5.0, 3.0])) == 34


def test_path_stays_on_its_hyperbola() -> None:
    a, b = study.exact_path((2.0, 1.0), 6.0, TIMES).T
    np.testing.assert_allclose(a**2 - b**2, 3)


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_linear_path_is_a_straight_line_to_ridge(strength: float) -> None:
    path = study.linear_path((2.0, 1.0), 6.0, np.array([0.0, 0.3, 100.0]), strength)
    np.testing.assert_allclose(path[0], [2, 1])
    np.testing.assert_allclose(path[-1], np.array([2, 1]) + 4 / (5 + strength) * np.array([1, 2]))
    np.testing.assert_allclose((path[1] - path[0]) @ [2, -1], 0, atol=1e-12)


def test_linear_path_follows_its_own_equation() -> None:
    step = 1e-5
    before, now, after = study.linear_path((2.0, 1.0), 6.0, np.array([0.3 - step, 0.3, 0.3 + step]), 2.0)
    moved = now - [2, 1]
    expected = (4 - moved @ [1, 2]) * np.array([1, 2]) - 2 * moved
    np.testing.assert_allclose((after - before) / (2 * step), expected, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(weight, weight, st.floats(-4, 4))
def test_departure_without_a_pull_is_within_its_bound(a: float, b: float, target: float) -> None:
    if abs(a**2 - b**2) < 0.1 or abs(target - a * b) < 1e-3:
        return
    times = np.linspace(0, 5 / abs(a**2 - b**2), 300)
    outputs = study.exact_path((a, b), target, times).prod(axis=1)
    residual = target - a * b
    linear = target - residual * np.exp(-(a**2 + b**2) * times)
    apart = np.abs(outputs - linear).max() / abs(residual)
    assert apart <= study.lazy_bound((a, b), target) * (1 + 1e-9) + 1e-9
    kernels = study.kernel(study.exact_path((a, b), target, times))
    assert np.abs(kernels - kernels[0]).max() <= 2 * abs(residual) + 1e-9


@settings(max_examples=30, deadline=None)
@given(weight, weight, st.floats(-3, 3), st.floats(1.1, 20))
def test_drift_and_distance_under_a_pull_are_within_their_bounds(
    a: float, b: float, target: float, factor: float
) -> None:
    strength = factor * abs(target - a * b)
    if strength < 0.05:
        return
    (row,) = study.pulls((a, b), target, [strength], TIMES)
    drift, apart = row["bounds"]
    assert row["drift"] <= drift * (1 + 1e-6) + 1e-9
    assert row["apart"] <= apart * (1 + 1e-6) + 1e-9


def test_weak_pull_has_no_bound() -> None:
    row, strong = study.pulls((2.0, 1.0), 6.0, [4.0, 40.0], TIMES)
    assert row["bounds"] == [None, None]
    assert None not in strong["bounds"]
    assert strong["left"] == pytest.approx(40 / 45)
    assert strong["apart"] / strong["drift"] < row["apart"] / row["drift"]


def test_larger_starts_part_less_in_proportion() -> None:
    rows = study.scales((2.0, 1.0), 4.0, [4.0, 8.0], np.linspace(0, 12, 601))
    assert rows[0]["ratio"] == 4 / 80
    assert rows[0]["apart"] / rows[1]["apart"] == pytest.approx(4, rel=0.05)
    assert all(row["apart"] < row["bound"] for row in rows)
    assert rows[1]["kernel"] == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("start", [(1.0, 1.0), (1.0, -1.0), (np.nan, 1.0)])
def test_weights_of_one_size_are_refused(start: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"two finite weights of different sizes"):
        study.exact_path(start, 1.0, TIMES)


@pytest.mark.parametrize("strength", [-1.0, np.inf])
def test_strength_is_refused(strength: float) -> None:
    with pytest.raises(InputError, match="strength="):
        study.pulled_path((2.0, 1.0), 6.0, TIMES, strength)
