"""Dual activations: against closed forms, against integrals in the plane, and their slopes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lintune.errors import InputError
from lintune.teacher.activations import ACTIVATIONS, Activation, hermite_activation
from lintune.teacher.duals import dual
from lintune.teacher.hermite import coefficients, second_moment

SIGN = Activation("sign", np.sign, np.zeros_like, kinks=(0.0,))
SINE = Activation("sine", np.sin, np.cos)
RHO = np.array([-1.0, -0.9, -0.3, 0.0, 0.2, 0.7, 0.99, 1.0])


def planar(function: Activation, rho: float, slope: bool = False) -> float:
    """Return E s(g) s(g'), s the activation or its slope, by Gauss's rule in g and in what is left of g'."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    weights = weights / np.sqrt(2 * np.pi)
    other = rho * nodes[:, None] + np.sqrt(1 - rho**2) * nodes
    s = function.slope if slope else function.value
    return float((weights * s(nodes)) @ (s(other) @ weights))


@pytest.mark.parametrize(
    "function", [ACTIVATIONS["sigmoid"], ACTIVATIONS["quadratic"], ACTIVATIONS["he3"], SINE]
)
@pytest.mark.parametrize("rho", [-0.95, -0.2, 0.0, 0.4, 1.0])
def test_smooth_ones_agree_with_an_integral_in_the_plane(function: Activation, rho: float) -> None:
    assert dual(function).value(rho) == pytest.approx(planar(function, rho), abs=1e-11)
    assert dual(function).slope(rho) == pytest.approx(planar(function, rho, slope=True), abs=1e-10)


@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.6])
def test_relu_agrees_with_a_sample_of_the_plane(rho: float) -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 400_000))
    other = rho * first + np.sqrt(1 - rho**2) * second
    relu = ACTIVATIONS["relu"]
    for found, sigma in ((dual("relu").value(rho), relu.value), (dual("relu").slope(rho), relu.slope)):
        product = sigma(first) * sigma(other)
        assert abs(found - product.mean()) < 4 * product.std() / len(product) ** 0.5


def test_relu_agrees_with_its_series() -> None:
    mu = coefficients("relu", 2000)
    squares = np.polynomial.Polynomial(mu**2)
    inside = RHO[np.abs(RHO) < 0.98]
    np.testing.assert_allclose(dual("relu").value(inside), squares(inside), atol=1e-13)
    np.testing.assert_allclose(dual("relu").slope(inside), squares.deriv()(inside), atol=1e-13)
    np.testing.assert_allclose(dual("relu").second(inside), squares.deriv(2)(inside), atol=1e-12)
    np.testing.assert_allclose(dual("relu").value(RHO), squares(RHO), atol=dual("relu", 2000).missing + 1e-14)


def test_relu_at_the_ends() -> None:
    found, ends = dual("relu"), np.array([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(found.value(ends), [0, 1 / (2 * np.pi), 0.5], atol=1e-15)
    np.testing.assert_allclose(found.slope(ends), [0, 0.25, 0.5], atol=1e-15)
    assert np.isinf(found.second(ends[[0, 2]])).all()


@pytest.mark.parametrize("order", [0, 1, 2, 5, 9])
def test_hermite_polynomials_have_powers(order: int) -> None:
    found = dual(hermite_activation(order))
    np.testing.assert_allclose(found.value(RHO), RHO**order, atol=1e-13)
    np.testing.assert_allclose(found.slope(RHO), order * RHO ** max(order - 1, 0), atol=1e-12)
    np.testing.assert_allclose(found.second(RHO), order * (order - 1) * RHO ** max(order - 2, 0), atol=1e-11)


@pytest.mark.parametrize("name", ACTIVATIONS)
@settings(deadline=None, max_examples=30)
@given(rho=arrays.arrays(np.float64, (2, 3), elements=st.floats(-0.99, 0.99)))
def test_slopes_are_those_of_chords(name: str, rho: np.ndarray) -> None:
    found, step = dual(name), 1e-5
    for function, slope in ((found.value, found.slope), (found.slope, found.second)):
        chord = (function(rho + step) - function(rho - step)) / (2 * step)
        np.testing.assert_allclose(slope(rho), chord, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_at_one_it_is_the_second_moment(name: str) -> None:
    assert dual(name).value(1.0) == pytest.approx(second_moment(name), rel=1e-13)
    assert dual(name).value(np.ones((2, 3, 3))).shape == (2, 3, 3)


@pytest.mark.parametrize("name", ACTIVATIONS)
@settings(deadline=None, max_examples=30)
@given(points=arrays.arrays(np.float64, (5, 3), elements=st.floats(0.1, 1)))
def test_a_dual_of_inner_products_is_positive_semidefinite(name: str, points: np.ndarray) -> None:
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    for function in (dual(name).value, dual(name).slope):
        assert np.linalg.eigvalsh(function(units @ units.T)).min() > -1e-12


def test_a_series_that_is_cut_off_says_what_it_leaves_out() -> None:
    # E sign(g) sign(g') = 2 / pi arcsin(rho).
    found = dual(SIGN, 300)
    error = np.abs(found.value(RHO) - 2 / np.pi * np.arcsin(RHO))
    assert (error <= found.missing * np.abs(RHO) ** 301 + 1e-13).all()
    assert error[-1] == pytest.approx(found.missing, rel=1e-10)
    assert dual(SIGN, 600).missing < found.missing


def test_it_is_built_once() -> None:
    assert dual("sigmoid") is dual("sigmoid")
    assert dual("relu", 10).mu.shape == (11,)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_rounding_beyond_one_is_cut_off_and_more_is_refused(name: str) -> None:
    found = dual(name)
    assert found.value(1 + 1e-12) == found.value(1.0)
    for wrong in (1.001, -1.001, np.nan):
        with pytest.raises(InputError, match="must be in"):
            found.slope(np.array([0.0, wrong]))


def test_errors_of_the_coefficients_are_its_errors() -> None:
    with pytest.raises(InputError, match="order=-2"):
        dual("relu", -2)
    with pytest.raises(InputError, match="is not known"):
        dual("gelu")
