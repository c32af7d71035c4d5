"""Hermite polynomials are orthonormal, and coefficients are those of closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from lintune.errors import InputError
from lintune.teacher.activations import ACTIVATIONS, Activation, hermite_activation
from lintune.teacher.hermite import coefficients, hermite, missing, second_moment

ORDER = 400
SIGN = Activation("sign", np.sign, np.zeros_like, kinks=(0.0,))


def exponential(rate: float) -> Activation:
    return Activation("exp", lambda x: np.exp(rate * x), lambda x: rate * np.exp(rate * x))


def step(place: float) -> Activation:
    return Activation("step", lambda x: np.heaviside(x - place, 0.5), np.zeros_like, kinks=(place,))


def test_polynomials_are_orthonormal() -> None:
    # Gauss's rule of 120 points is exact for products of two of degree 100.
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    polynomials = hermite(100, nodes)
    gram = (polynomials * weights) @ polynomials.T / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(gram, np.eye(101), atol=1e-11)


def test_polynomials_are_of_every_shape_and_the_first_are_as_written() -> None:
    x = np.linspace(-3, 3, 12).reshape(2, 2, 3)
    found = hermite(3, x)
    assert found.shape == (4, 2, 2, 3)
    np.testing.assert_allclose(found[2], (x**2 - 1) / 2**0.5)
    np.testing.assert_allclose(found[3], (x**3 - 3 * x) / 6**0.5, atol=1e-14)
    assert hermite(0, 2.0).shape == (1,)
    with pytest.raises(InputError, match="order=-1 must be at least 0"):
        hermite(-1, x)


@settings(deadline=None, max_examples=30)
@given(x=st.floats(-30, 30))
def test_polynomials_of_high_order_stay_below_their_bound(x: float) -> None:
    # |h_p(x)| <= 1.0865 exp(x^2 / 4) (Cramer's inequality).
    assert np.abs(hermite(ORDER, x)).max() <= 1.0865 * math.exp(x * x / 4)


def test_relu_has_its_closed_form() -> None:
    # mu_2m = (-1)^(m+1) (2m - 3)!! / sqrt(2 pi (2m)!), and (2m - 3)!! = (2m - 2)! / (2^(m-1) (m - 1)!).
    m = np.arange(1, ORDER // 2 + 1)
    double = gammaln(2 * m - 1) - gammaln(m) - (m - 1) * np.log(2)
    even = (-1.0) ** (m + 1) * np.exp(double - gammaln(2 * m + 1) / 2) / np.sqrt(2 * np.pi)
    found = coefficients("relu", ORDER)
    np.testing.assert_allclose(found[:2], [1 / np.sqrt(2 * np.pi), 0.5], rtol=1e-14)
    np.testing.assert_allclose(found[2::2], even, atol=1e-14)
    assert not found[3::2].any()


@pytest.mark.parametrize(("name", "expected"), [("quadratic", {0: 1.0, 2: 2**0.5}), ("he3", {3: 1.0})])
def test_polynomials_have_as_many_as_they_should(name: str, expected: dict[int, float]) -> None:
    found = coefficients(name, 50)
    assert set(np.flatnonzero(found)) == set(expected)
    for p, value in expected.items():
        assert found[p] == pytest.approx(value, rel=1e-14)
    assert missing(name, found) == 0


def test_the_sigmoid_is_one_half_and_odd() -> None:
    found = coefficients("sigmoid", ORDER)
    assert found[0] == pytest.approx(0.5, rel=1e-14)
    assert not found[2::2].any()
    # mu_1 = E sigma' (Stein), by a rule of another kind.
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    expected = ACTIVATIONS["sigmoid"].slope(nodes) @ weights / np.sqrt(2 * np.pi)
    assert found[1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
def test_an_exponential_has_its_closed_form(rate: float) -> None:
    p = np.arange(ORDER + 1)
    expected = np.exp(rate**2 / 2 + p * np.log(rate) - gammaln(p + 1) / 2)
    found = coefficients(exponential(rate), ORDER)
    np.testing.assert_allclose(found, expected, atol=2e-14 * np.exp(rate**2))
    assert second_moment(exponential(rate)) == pytest.approx(np.exp(2 * rate**2), rel=1e-13)


@pytest.mark.parametrize("place", [0.0, 0.3, -1.7, 40.0])
def test_a_step_has_its_closed_form_wherever_its_kink_is(place: float) -> None:
    # E 1[g > a] h_p(g) = phi(a) h_{p-1}(a) / sqrt(p).
    density = np.exp(-(place**2) / 2) / np.sqrt(2 * np.pi)
    p = np.arange(1, ORDER + 1)
    expected = density * hermite(ORDER - 1, min(place, 30.0)) / np.sqrt(p)
    found = coefficients(step(place), ORDER)
    assert found[0] == pytest.approx(math.erfc(place / 2**0.5) / 2, abs=1e-14)
    np.testing.assert_allclose(found[1:], expected, atol=1e-14)


@pytest.mark.parametrize("order", [0, 1, 5, 50, 150])
def test_a_hermite_polynomial_has_one_and_the_others_are_zero(order: int) -> None:
    found = coefficients(hermite_activation(order), 200)
    assert np.flatnonzero(found).tolist() == [order]
    assert found[order] == pytest.approx(1, abs=1e-13)


@settings(deadline=None, max_examples=30)
@given(scale=st.floats(0.1, 3), shift=st.floats(-1, 1))
def test_the_slope_has_the_coefficients_shifted_by_one(scale: float, shift: float) -> None:
    # mu_p(sigma') = sqrt(p + 1) mu_{p+1}(sigma).
    sigma = Activation(
        "sin", lambda x: np.sin(scale * x + shift), lambda x: scale * np.cos(scale * x + shift)
    )
    slope = Activation("cos", sigma.slope, lambda x: -(scale**2) * sigma.value(x))
    left = coefficients(slope, 40)
    right = np.sqrt(np.arange(1, 42)) * coefficients(sigma, 41)[1:]
    np.testing.assert_allclose(left, right, atol=1e-12)


def test_what_is_missing_falls_with_the_order_and_is_what_is_left() -> None:
    left = [missing("relu", coefficients("relu", order)) for order in (0, 1, 2, 10, 100, ORDER)]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(0.5 - 1 / (2 * np.pi), rel=1e-13)
    assert left[-1] > 0
    assert missing("sigmoid", coefficients("sigmoid", ORDER)) == 0


def test_coefficients_are_shared_and_cannot_be_written_to() -> None:
    found = coefficients("relu", 10)
    assert coefficients("relu", 10) is found
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_an_activation_that_the_rule_does_not_resolve_is_refused() -> None:
    # A kink that no point of the look at an activation meets.
    hidden = Activation("hidden", lambda x: np.heaviside(x - 7.123, 0.5) * 1e6, np.zeros_like)
    with pytest.raises(InputError, match=r"kinks=\(\): two rules"):
        coefficients(hidden, 5)
    steep = Activation("steep", lambda x: np.exp(x**2 / 4), lambda x: x / 2 * np.exp(x**2 / 4))
    with pytest.raises(InputError, match="grows too fast"):
        coefficients(steep, 5)


def test_a_degree_that_is_not_the_values_is_refused() -> None:
    with pytest.raises(InputError, match="degree=2 of activation 'cube'"):
        coefficients(Activation("cube", lambda x: x**3, lambda x: 3 * x**2, degree=2), 5)


def test_an_order_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match="order=-1"):
        coefficients("relu", -1)
    np.testing.assert_allclose(coefficients(SIGN, 1), [0, (2 / np.pi) ** 0.5], atol=1e-14)
