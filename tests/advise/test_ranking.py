"""The order of candidates, and which of them tie."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.advise import COMBINED, SCORES, combined, ties
from lintune.errors import InputError

NAMES = [score.name for score in SCORES]
SIGNS = {score.name: score.sign for score in SCORES}
USED = [*NAMES[:6], *NAMES[-3:]]
_values = st.integers(-50, 50).map(float)
_tables = (
    st.integers(1, 8)
    .flatmap(
        lambda count: st.fixed_dictionaries(
            dict.fromkeys(USED, st.lists(_values, min_size=count, max_size=count))
        )
    )
    .map(pd.DataFrame)
)
_few = settings(deadline=None, max_examples=40)


@_few
@given(_tables)
def test_only_the_order_of_each_score_counts(rows: pd.DataFrame) -> None:
    turns: list[Callable[[Any], Any]] = [np.arctan, np.cbrt, np.sinh, lambda x: 3 * x - 1]
    turned = pd.DataFrame({name: turns[place % 4](rows[name] / 10) for place, name in enumerate(USED)})
    np.testing.assert_array_equal(combined(turned, USED), combined(rows, USED))


@_few
@given(_tables)
def test_a_candidate_better_in_all_comes_first(rows: pd.DataFrame) -> None:
    better = pd.DataFrame([{name: -99.0 * SIGNS[name] for name in USED}])
    order = combined(pd.concat([-better, rows, better], ignore_index=True), USED)
    assert order.argmin() == len(order) - 1
    assert order.argmax() == 0
    assert (order[1:-1] > order[-1]).all()


@_few
@given(_tables, st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(rows: pd.DataFrame, seed: int) -> None:
    places = np.random.default_rng(seed).permutation(len(rows))
    shuffled = rows.iloc[places].reset_index(drop=True)
    np.testing.assert_allclose(combined(shuffled, USED), combined(rows, USED)[places], rtol=1e-12)


@_few
@given(_tables)
def test_mean_ranks_are_between_zero_and_one_with_mean_a_half(rows: pd.DataFrame) -> None:
    found = combined(rows, USED)
    assert found.shape == (len(rows),)
    assert ((found > 0) & (found < 1)).all()
    assert found.mean() == pytest.approx(0.5, abs=1e-5)


def test_equal_candidates_share_their_rank() -> None:
    rows = pd.DataFrame({"trace": [3.0, 1.0, 3.0, 2.0]})  # more is better
    np.testing.assert_allclose(combined(rows, ["trace"]), [0.25, 0.875, 0.25, 0.625])


@pytest.mark.parametrize("worst", [np.inf, np.nan])
def test_an_infinite_or_missing_score_ranks_last(worst: float) -> None:
    rows = pd.DataFrame({"condition number": [3.0, worst, 1e300, worst], "parameters": [1, 2, 3, 4]})
    found = combined(rows, ["condition number"])
    assert found.tolist() == [0.125, 0.75, 0.375, 0.75]
    for sign in (1, -1):  # more of a trace is better, yet an infinite one is last on either side
        assert combined(pd.DataFrame({"trace": [1.0, sign * worst, -5.0]}), ["trace"]).argmax() == 1


def test_the_scores_that_are_combined_exist_and_others_are_refused() -> None:
    assert set(COMBINED) <= set(NAMES)
    assert not any(score.cheap for score in SCORES if score.name in COMBINED)
    rows = pd.DataFrame({name: [1.0, 2.0] for name in NAMES})
    assert combined(rows).shape == (2,)
    with pytest.raises(InputError, match="names='tracer' is not known.*Did you mean 'trace'"):
        combined(rows, ["tracer"])


def test_noise_ties_and_a_clear_winner_stands_alone() -> None:
    rng = np.random.default_rng(0)
    own = rng.uniform(0.2, 1.0, 40)
    noise = rng.normal(size=40)
    noise -= noise.mean()
    losses = {
        "worse": own + 0.2 + 0.01 * noise,
        "like it": own + noise,
        "best": own,
        "itself": own.copy(),
        "below": own - 0.1,
    }
    assert ties(losses, "best") == ["like it", "best", "itself", "below"]
    assert ties(losses, "below") == ["like it", "below"]


def test_a_tie_is_within_one_standard_error() -> None:
    apart = np.array([1.0, -1.0] * 8)
    error = apart.std(ddof=1) / 4
    losses = {"a": np.zeros(16), "in": apart + 0.99 * error, "out": apart + 1.01 * error}
    assert ties(losses, "a") == ["a", "in"]


@_few
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 999))
def test_the_best_is_always_among_them(count: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses = {str(place): rng.exponential(size=n) for place in range(count)}
    for best in losses:
        found = ties(losses, best)
        assert best in found
        assert found == [name for name in losses if name in found]


def test_one_example_tells_nothing_apart() -> None:
    assert ties({"a": np.array([0.1]), "b": np.array([9.0])}, "a") == ["a", "b"]
