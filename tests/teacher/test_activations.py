"""Activations: the four by name, Hermite polynomials, and what is refused in a given one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lintune.errors import InputError
from lintune.teacher.activations import (
    ACTIVATIONS,
    HE3,
    LARGEST_HERMITE,
    RELU,
    Activation,
    activation,
    hermite_activation,
)
from lintune.teacher.hermite import hermite

POINTS = np.linspace(-4, 4, 77)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "quadratic", "he3"])
def test_an_activation_is_found_by_its_name_and_passes_its_own_check(name: str) -> None:
    found = activation(name)
    assert found.name == name
    assert activation(found) is found


def test_values_are_those_of_the_definitions() -> None:
    expected = {
        "relu": np.where(POINTS > 0, POINTS, 0),
        "sigmoid": 1 / (1 + np.exp(-POINTS)),
        "quadratic": POINTS**2,
        "he3": (POINTS**3 - 3 * POINTS) / np.sqrt(6),
    }
    assert expected.keys() == ACTIVATIONS.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(ACTIVATIONS[name].value(POINTS), values, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "each", [*ACTIVATIONS.values(), *map(hermite_activation, (0, 1, 2, 7))], ids=lambda each: each.name
)
@settings(deadline=None, max_examples=30)
@given(x=arrays.arrays(np.float64, (2, 3), elements=st.floats(-5, 5)))
def test_slopes_are_those_of_chords(each: Activation, x: np.ndarray) -> None:
    step = 1e-6
    away = np.array([np.abs(x - kink) > 2 * step for kink in each.kinks] or [np.full(x.shape, True)]).all(0)
    chord = (each.value(x + step) - each.value(x - step)) / (2 * step)
    np.testing.assert_allclose(each.slope(x)[away], chord[away], rtol=1e-5, atol=1e-6)


def test_far_out_the_sigmoid_is_finite_and_warns_of_nothing() -> None:
    far = np.array([-1e4, 1e4])
    np.testing.assert_array_equal(activation("sigmoid").value(far), [0.0, 1.0])
    np.testing.assert_array_equal(activation("sigmoid").slope(far), [0.0, 0.0])


@pytest.mark.parametrize("order", [0, 1, 2, 3, 10, 40, LARGEST_HERMITE])
def test_hermite_activations_are_the_polynomials_of_the_recurrence(order: int) -> None:
    found = activation(hermite_activation(order))
    assert found.degree == order
    x = np.linspace(-6, 6, 101)
    polynomials = hermite(order, x)
    scale = np.abs(polynomials[-1]).max()
    np.testing.assert_allclose(found.value(x), polynomials[-1], rtol=0, atol=1e-12 * scale)
    # h_p' = sqrt(p) h_{p-1}.
    slope = order**0.5 * polynomials[-2] if order else np.zeros_like(x)
    np.testing.assert_allclose(found.slope(x), slope, rtol=0, atol=1e-12 * max(np.abs(slope).max(), 1))


def test_the_third_hermite_polynomial_is_he3() -> None:
    np.testing.assert_allclose(hermite_activation(3).value(POINTS), HE3.value(POINTS), atol=1e-12)
    assert hermite_activation(3) is hermite_activation(3)


@pytest.mark.parametrize("order", [-1, LARGEST_HERMITE + 1])
def test_an_order_out_of_range_is_refused(order: int) -> None:
    with pytest.raises(InputError, match=f"order={order} must be from 0"):
        hermite_activation(order)


def test_a_name_that_is_not_known_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'sigmoid'"):
        activation("sigmoidal")
    with pytest.raises(InputError, match="must be an Activation"):
        activation(np.tanh)  # type: ignore[arg-type]


def test_a_given_activation_is_accepted_with_its_kinks_in_order() -> None:
    clipped = Activation(
        "clipped", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1).astype(float), kinks=(1, -1)
    )
    assert activation(clipped).kinks == (-1.0, 1.0)


WRONG = {
    "must be the derivative": Activation("a", np.tanh, np.cosh),
    "or the point be named in kinks: at 0": Activation("b", RELU.value, RELU.slope),
    "value of activation 'c' must be finite; at -6 it is nan": Activation(
        "c", lambda x: np.where(x < -5.95, np.nan, x), np.ones_like
    ),
    "slope of activation 'd' must map .* got float64 of shape ()": Activation("d", np.sin, np.sum),
    "got int64": Activation("e", lambda x: np.sign(x).astype(int), np.zeros_like, kinks=(0.0,)),
    "got float of shape ()": Activation("f", lambda x: 1.0, np.zeros_like),  # type: ignore[arg-type, return-value]
    "act on each entry by itself": Activation("g", lambda x: x + x[0], np.ones_like),
    "must accept a float64 array .* it raised": Activation("h", lambda x: max(x, 0.0), np.ones_like),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", WRONG)
def test_a_given_activation_that_is_none_is_refused(what: str) -> None:
    with pytest.raises(InputError, match=what.replace("()", r"\(\)")):
        activation(WRONG[what])


def test_kinks_and_degrees_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="must be finite"):
        Activation("far", np.sin, np.cos, kinks=(np.inf,))
    with pytest.raises(InputError, match="degree=-1"):
        Activation("low", np.sin, np.cos, degree=-1)
