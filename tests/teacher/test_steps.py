"""The generic theorem: its constants, what it depends on, and what an overlap does with its numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.teacher.steps import generic_step


def test_numbers_are_those_of_the_formulas_by_hand() -> None:
    # d V = 1000, log = 6.907755: delta = 0.2 * 0.001 / (4 * 47.717083) = 1.0478427e-6.
    found = generic_step(100, drift=0.2, variance=10.0, epsilon=0.1)
    assert found.eta == pytest.approx(1.0478427e-9, rel=1e-6)
    assert found.weak == pytest.approx(4000 / (1.0478427e-6 * 0.2), rel=1e-6)
    assert found.iterations == pytest.approx(4 * 6.907755 * 1000 / (0.1 * 1.0478427e-6 * 0.2), rel=1e-6)


def test_delta_is_at_most_one() -> None:
    assert generic_step(100, drift=1e9, variance=10.0, epsilon=0.5).eta == 1 / 1000


def test_the_constant_stands_before_the_logarithm() -> None:
    small, large = (generic_step(100, 0.2, 10.0, 0.1, constant) for constant in (4.0, 12.0))
    assert small.eta == pytest.approx(3 * large.eta)
    assert 3 * small.weak == pytest.approx(large.weak, rel=1e-9)


def test_iterations_are_linear_in_the_dimension_up_to_logarithms() -> None:
    dimensions = (10**3, 10**6)
    found = [generic_step(d, 0.2, 10.0, 0.1).iterations / (d * math.log(10 * d) ** 3) for d in dimensions]
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(
    dimension=st.integers(4, 10_000),
    drift=st.floats(1e-3, 10),
    variance=st.floats(1, 1e3),
    epsilon=st.floats(0.01, 0.9),
)
def test_an_overlap_that_moves_by_the_drift_recovers_in_time(
    dimension: int, drift: float, variance: float, epsilon: float
) -> None:
    # Without noise, dm/dt = eta S (1 - m^2) from d^(-1/2): m = tanh(artanh(d^(-1/2)) + eta S t).
    step = generic_step(dimension, drift, variance, epsilon)
    start = math.atanh(dimension**-0.5)
    weak, strong = (math.tanh(start + step.eta * drift * time) for time in (step.weak, step.iterations))
    assert weak > 0.9
    assert strong**2 >= 1 - epsilon
    assert step.weak <= step.iterations or math.log(dimension * variance) < epsilon


WRONG = [
    ("dimension", 1),
    ("dimension", 2.5),
    ("drift", 0.0),
    ("drift", np.nan),
    ("variance", -1.0),
    ("variance", 0.01),
    ("epsilon", 0.0),
    ("epsilon", 1.0),
    ("constant", np.inf),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_out_of_range_is_refused(name: str, value: float) -> None:
    arguments = {"dimension": 10, "drift": 1.0, "variance": 2.0, "epsilon": 0.1, "constant": 4.0} | {
        name: value
    }
    with pytest.raises(InputError, match=f"{name}={value}"):
        generic_step(**arguments)  # type: ignore[arg-type]
