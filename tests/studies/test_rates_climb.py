"""The climb: it stops between worse rates, never tries one twice, and survives divergence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune.studies.rates import Searched, climb

START, FACTOR = 2e-3, 4.0
_losses = st.one_of(st.floats(-5, 5), st.just(math.inf), st.just(math.nan))
# Losses by power of the factor; anything at all, and infinite beyond.
_landscapes = st.lists(_losses, min_size=25, max_size=25).map(lambda found: dict(enumerate(found, -12)))
_most = st.integers(1, 12)


def climbed(losses: dict[int, float], most: int) -> tuple[Searched, list[int]]:
    """Return what is found, and the powers in the order of trial."""
    tried: list[int] = []

    def loss_at(rate: float) -> float:
        tried.append(round(math.log(rate / START, FACTOR)))
        assert rate == START * FACTOR ** tried[-1]
        return losses.get(tried[-1], math.inf)

    return climb(loss_at, START, FACTOR, most), tried


@given(_landscapes, _most)
def test_no_rate_is_tried_twice_and_there_are_three_to_most(losses: dict[int, float], most: int) -> None:
    found, tried = climbed(losses, most)
    assert len(set(tried)) == len(tried) == len(found.trials)
    assert 3 <= len(tried) <= max(most, 3)
    assert {-1, 0, 1} <= set(tried)
    assert sorted(tried) == list(range(min(tried), max(tried) + 1))


@given(_landscapes, _most)
def test_the_rate_is_the_smallest_of_least_loss(losses: dict[int, float], most: int) -> None:
    found, tried = climbed(losses, most)
    finite = {power: losses[power] for power in tried if math.isfinite(losses[power])}
    if not finite:
        assert found.rate is None
        assert not found.at_edge
        return
    best = min(finite, key=lambda power: (finite[power], power))
    assert found.rate == START * FACTOR**best
    assert found.at_edge == (best in (min(tried), max(tried)))


@given(_landscapes, _most)
def test_it_stops_when_both_neighbours_are_worse_and_not_before(losses: dict[int, float], most: int) -> None:
    found, tried = climbed(losses, most)
    if len(tried) < most:
        assert found.rate is not None
        assert not found.at_edge
    for count in range(3, len(tried)):  # whatever was tried later, the best was at an edge before
        before = {
            power: losses[power] if not math.isnan(losses[power]) else math.inf for power in tried[:count]
        }
        best = min(before, key=lambda power: (before[power], power))
        assert best in (min(before), max(before))
        assert abs(tried[count] - best) == 1


@given(_landscapes, _most)
def test_what_diverged_is_infinite(losses: dict[int, float], most: int) -> None:
    found, tried = climbed(losses, most)
    for power, (_, loss) in zip(tried, found.trials, strict=True):
        assert loss == math.inf if math.isnan(losses[power]) else loss == losses[power]


@pytest.mark.parametrize("best", [-3, -1, 0, 2, 4])
def test_the_bottom_of_a_valley_is_found(best: int) -> None:
    found, tried = climbed({power: abs(power - best) for power in range(-12, 13)}, 12)
    assert found.rate == START * FACTOR**best
    assert not found.at_edge
    assert len(tried) == 3 + abs(best)


def test_where_all_diverge_smaller_rates_are_tried() -> None:
    found, tried = climbed(dict.fromkeys(range(-12, 13), math.inf), 6)
    assert tried == [0, -1, 1, -2, -3, -4]
    assert found.rate is None


def test_trials_end_at_an_edge_that_is_marked() -> None:
    found, tried = climbed({power: -power for power in range(-12, 13)}, 5)
    assert tried == [0, -1, 1, 2, 3]
    assert found.at_edge
