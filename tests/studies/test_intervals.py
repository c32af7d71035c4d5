"""Intervals and adjusted p values against other ways to compute them."""

import math

import numpy as np
import pytest
from scipy import stats

from lintune.studies.intervals import holm, interval, p_value


def test_the_interval_is_scipys() -> None:
    values = np.random.default_rng(0).normal(2, 3, 7)
    expected = stats.t.interval(0.9, 6, values.mean(), stats.sem(values))
    assert interval(values, 0.9) == pytest.approx((values.mean(), *expected))


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1).normal(1, 2, (2000, 4))
    ends = np.array([interval(each) for each in draws])
    assert np.mean((ends[:, 1] < 1) & (ends[:, 2] > 1)) == pytest.approx(0.95, abs=0.015)


def test_a_single_value_has_no_interval() -> None:
    assert interval([3.0])[0] == 3.0
    assert all(math.isnan(end) for end in interval([3.0])[1:])
    assert math.isnan(p_value([3.0]))


def test_p_agrees_with_the_interval() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        values = rng.normal(0.5, 1, 6)
        _, low, high = interval(values)
        assert (p_value(values) < 0.05) == (low > 0 or high < 0)


def test_values_without_spread() -> None:
    assert p_value([0.0, 0.0, 0.0]) == 1
    assert math.isnan(p_value([0.1, 0.1, 0.1]))


def test_holm_steps_down() -> None:
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "none": math.nan})
    assert math.isnan(adjusted.pop("none"))
    assert adjusted == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


def test_holm_rejects_a_true_hypothesis_no_more_often_than_its_level() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(400):
        tested = {str(k): p_value(rng.normal(0, 1, 5)) for k in range(8)}
        wrong += min(holm(tested).values()) < 0.05
    assert wrong / 400 < 0.09
