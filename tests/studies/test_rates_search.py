"""The search: as many trials whatever happens, the best of them, and a flag at the ends."""

import math

import pytest

from lintune.studies.rates import search

RATES, FINER = (1e-4, 1e-3, 1e-2, 1e-1), 10**0.5


@pytest.mark.parametrize(
    ("best", "rate", "edge"),
    [(1e-3, 1e-3, False), (3.2e-3, 10**-2.5, False), (1e-7, 10**-4.5, True), (9.0, 10**-0.5, True)],
)
def test_two_finer_rates_follow_on_both_sides_of_the_best_coarse_one(
    best: float, rate: float, edge: bool
) -> None:
    found = search(lambda tried: abs(math.log(tried / best)), RATES, FINER)
    assert [tried for tried, _ in found.trials[:4]] == list(RATES)
    coarse = min(RATES, key=lambda tried: abs(math.log(tried / best)))
    assert [tried for tried, _ in found.trials[4:]] == pytest.approx([coarse / FINER, coarse * FINER])
    assert found.rate == pytest.approx(rate)
    assert found.at_edge is edge


@pytest.mark.parametrize("worst", [math.inf, math.nan])
def test_divergence_is_infinitely_bad_and_does_not_stop_the_search(worst: float) -> None:
    found = search(lambda tried: worst if tried > 5e-4 else tried, RATES, FINER)
    assert len(found.trials) == 6
    assert found.rate == pytest.approx(1e-4 / FINER)
    assert [loss for _, loss in found.trials[1:4]] == [math.inf] * 3


def test_no_rate_is_chosen_where_all_diverge() -> None:
    found = search(lambda _: math.inf, RATES, FINER)
    assert found.rate is None
    assert not found.at_edge
    assert len(found.trials) == 6


def test_of_equal_rates_the_smallest_is_taken() -> None:
    assert search(lambda _: 1.0, RATES, FINER).rate == pytest.approx(1e-4 / FINER)
