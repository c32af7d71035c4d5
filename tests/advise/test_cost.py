"""Budgets and the clock."""

import math

import pytest

from lintune.advise import Budget, Candidate, Clock
from lintune.errors import InputError
from tests.advise.problem import EXAMPLES, function

COSTS = [(100, 9.0), (2000, 3.0), (50, 20.0)]


@pytest.mark.parametrize(
    ("budget", "fits"),
    [
        (Budget(), [True, True, True]),
        (Budget(parameters=100), [True, False, True]),
        (Budget(seconds=9.0), [True, True, False]),
        (Budget(100, 9.0), [True, False, False]),
        (Budget(1e9, math.inf), [True, True, True]),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_what_fits_costs_at_most_the_budget(budget: Budget, fits: list[bool]) -> None:
    assert budget.check(COSTS) == fits


@pytest.mark.parametrize(
    ("parameters", "seconds", "message"),
    [
        (0, None, "parameters=0 must be positive"),
        (-3, 1.0, "parameters=-3 must be positive"),
        (None, 0.0, "seconds=0.0 must be positive"),
        (5, float("nan"), "seconds=nan must be positive"),
    ],
)
def test_a_budget_that_is_none_is_refused(parameters: int, seconds: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Budget(parameters, seconds)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(parameters=49), "no candidate fits 49 parameters"),
        (Budget(seconds=2.5), "no candidate fits 2.5 seconds"),
        (Budget(50, 3.0), "no candidate fits 50 parameters and 3 seconds"),
    ],
    ids=str,
)
def test_where_nothing_fits_the_cheapest_is_named(budget: Budget, said: str) -> None:
    with pytest.raises(
        InputError, match=f"{said}.*smallest trains 50 parameters.*fastest takes about 3.0 sec"
    ):
        budget.check(COSTS)


def test_training_takes_longer_the_deeper_and_the_more_tokens() -> None:
    clock = Clock(unit=1e-3, blocks=10)
    depths = [clock.training(Candidate((first, 10)), 100) for first in range(10)]
    assert depths == sorted(depths, reverse=True)
    assert len(set(depths)) == 10
    # Forward through all, backward to the lowest tuned block: twenty passes of a block, or eleven.
    assert depths[0] == pytest.approx(2.0)
    assert depths[-1] == pytest.approx(1.1)
    assert clock.training(Candidate((3, 10)), 300) == pytest.approx(3 * depths[3])
    # The way back passes all that is above the lowest tuned block, tuned or not.
    assert clock.training(Candidate((3, 5)), 100) == depths[3]


def test_the_clock_times_the_model_and_counts_its_blocks() -> None:
    passes: list[int] = []
    prompted = function()
    entered = prompted.pretrained.model.register_forward_hook(lambda *_: passes.append(1))
    try:
        clock = Clock.of(prompted, EXAMPLES, rounds=2)
    finally:
        entered.remove()
    assert len(passes) == 3
    assert clock.blocks == 2
    assert 0 < clock.unit < 10
