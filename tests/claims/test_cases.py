"""Verdicts on several cases, and what findings on them say."""

import numpy as np
import pandas as pd
import pytest

from lintune.claims import NotRun, Verdict
from lintune.claims.cases import (
    below,
    clauses,
    from_where,
    joint_level,
    over,
    percent,
    ranged,
    together,
    within,
)
from lintune.studies.intervals import interval


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.01, Verdict.HOLDS),
        (0.03, 0.04, Verdict.FAILS),
        (-0.04, -0.03, Verdict.FAILS),
        (-0.01, 0.03, Verdict.OPEN),
        (-0.05, 0.05, Verdict.OPEN),
    ],
)
def test_a_difference_within_the_margin(low: float, high: float, verdict: Verdict) -> None:
    assert within(low, high) is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 0.9, Verdict.HOLDS), (1.1, 2, Verdict.FAILS), (0.9, 1.1, Verdict.OPEN), (0.5, 1, Verdict.OPEN)],
)
def test_below_a_threshold(low: float, high: float, verdict: Verdict) -> None:
    assert below(low, high, 1.0) is verdict


@pytest.mark.parametrize(
    ("holds", "least"),
    [
        ({1: True, 10: True, 100: True}, 1),
        ({100: True, 1: True, 10: False}, 100),
        ({1: True, 10: True, 100: False}, None),
        ({1: False, 10: True, 100: True}, 10),
    ],
)
def test_a_rule_holds_from_a_size_on(holds: dict[int, bool], least: int | None) -> None:
    assert from_where(pd.Series(holds)) == least


def test_several_intervals_hold_together() -> None:
    assert [percent(joint_level(parts)) for parts in (1, 2, 3)] == ["95 %", "97.5 %", "98.3 %"]
    draws = np.random.default_rng(0).normal(size=(500, 4, 6))
    both = [
        all(low < 0 < high for _, low, high in (interval(part, joint_level(4)) for part in each))
        for each in draws
    ]
    assert 0.93 < np.mean(both) < 0.98


def test_cases_are_summed_up() -> None:
    assert over({"a": True, "b": True}, "it is ") == (Verdict.HOLDS, "")
    assert over({"a": False, "b": False}, "it is ") == (Verdict.FAILS, "")
    assert over({"a": True, "b": False, "c": True}, "it is ") == (Verdict.ONLY_WHEN, "it is a and c (2 of 3)")
    with pytest.raises(NotRun):
        over({})


def test_parts_are_summed_up() -> None:
    assert together({"a": Verdict.HOLDS, "b": Verdict.HOLDS}) == (Verdict.HOLDS, "")
    assert together({"a": Verdict.FAILS, "b": Verdict.FAILS}) == (Verdict.FAILS, "")
    assert together({"a": Verdict.OPEN, "b": Verdict.FAILS})[0] == Verdict.FAILS
    verdict, condition = together({"a": Verdict.HOLDS, "b": Verdict.OPEN}, "it is ")
    assert (verdict, condition) == (Verdict.ONLY_WHEN, "it is a (not decided: b)")


def test_several_values_are_told_by_one_of_them_and_their_range() -> None:
    values = {"a": 4.0, "b": 1.0, "c": 2.0, "d": 5.0}
    found = ranged(Verdict.HOLDS, "size", values.values(), "4 cases", "always")
    assert (found.value, found.low, found.high) == (3.0, 1.0, 5.0)
    assert (found.verdict, found.quantity, found.spread) == (Verdict.HOLDS, "size", "4 cases")
    assert found.condition == "always"
    column = pd.Series(values, dtype=object)
    told = [ranged(Verdict.HOLDS, "", column, "", by=by).value for by in ("median", "mean", "min", "max")]
    assert told == [3.0, 3.0, 1.0, 5.0]
    assert ranged(Verdict.HOLDS, "", np.array([2.0]), "").ours == "2 (2 to 2)"


def test_without_values_no_number_is_told() -> None:
    found = ranged(Verdict.FAILS, "size", [], "0 cases", "never")
    assert (found.ours, found.spread, found.condition) == ("", "0 cases", "never")


def test_clauses_that_say_nothing_are_left_out() -> None:
    assert clauses("", "one", "", "two") == "one; two"
    assert clauses("", "") == ""
