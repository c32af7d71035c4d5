"""Laws of cost: what is fitted is what made the costs, and errors are told apart by kinds and groups."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.studies.cell_costs.law import Law, fit, interval

NAMES = ("passes", "products")


def costs(noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Return terms, costs, kinds and groups of 0.1 passes + 1e-9 products, twice that for `b`."""
    rng = np.random.default_rng(seed)
    terms = np.stack([rng.integers(1, 40, 60), 10 ** rng.uniform(5, 10, 60)], axis=1).astype(float)
    kinds = ["a" if place % 2 else "b" for place in range(60)]
    made = terms @ np.array([0.1, 1e-9]) * np.where(np.array(kinds) == "b", 2.0, 1.0)
    return terms, made * np.exp(noise * rng.normal(size=60)), kinds, [str(place % 3) for place in range(60)]


def test_a_law_without_noise_is_found() -> None:
    terms, made, kinds, groups = costs()
    law = fit(NAMES, terms, made, kinds, groups)
    assert law.factors["b"] / law.factors["a"] == pytest.approx(2, rel=1e-3)
    assert [law.cost(row, kind) for row, kind in zip(terms, kinds, strict=True)] == pytest.approx(
        made, rel=1e-3
    )
    assert law.spread < 1e-3
    assert law.across < 1e-2


def test_the_spread_is_that_of_the_noise_and_intervals_hold_their_share() -> None:
    terms, made, kinds, groups = costs(0.2, 1)
    law = fit(NAMES, terms, made, kinds, groups)
    assert law.spread == pytest.approx(0.2, rel=0.3)
    assert law.across >= law.spread
    new, again, kinds, _ = costs(0.2, 2)
    ratios = [cost / law.cost(row, kind) for row, cost, kind in zip(new, again, kinds, strict=True)]
    reach = interval(law.error("a", "0"))
    assert np.mean([1 / reach <= ratio <= reach for ratio in ratios]) > 0.85


def test_what_was_not_measured_is_less_certain() -> None:
    terms, made, kinds, groups = costs(0.1)
    law = fit(NAMES, terms, made, kinds, groups)
    assert law.error("a", "0") == law.spread
    assert law.error("a", "elsewhere") == law.across
    assert law.error("c", "0") == pytest.approx(math.hypot(law.spread, law.between))
    assert law.cost([1, 0], "c") == pytest.approx(law.coefficients[0])
    assert law.beyond([80, 0]) == pytest.approx(80 / terms[:, 0].max())


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.floats(0, 1e12)] * 2), st.tuples(*[st.floats(0, 1e12)] * 2))
def test_more_work_never_costs_less(less: tuple[float, float], more: tuple[float, float]) -> None:
    terms, made, kinds, groups = costs(0.3)
    law = fit(NAMES, terms, made, kinds, groups)
    both = [left + right for left, right in zip(less, more, strict=True)]
    assert law.cost(both, "a") >= law.cost(less, "a") * (1 - 1e-12)


def test_a_law_is_read_as_it_was_written() -> None:
    law = fit(NAMES, *costs(0.1))
    assert Law.read(law.plain()) == law


def test_too_few_and_impossible_costs_are_refused() -> None:
    with pytest.raises(InputError, match="measured: 2 costs cannot tell 2 numbers"):
        fit(NAMES, [[1, 1], [2, 3]], [1, 2])
    with pytest.raises(InputError, match="positive"):
        fit(NAMES, [[1, 1], [2, 3], [4, 1]], [1, 2, 0])
