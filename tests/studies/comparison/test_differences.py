"""Differences: paired by draw, stratified by task, corrected for their number."""

import numpy as np
import pytest
from scipy import stats

from lintune.errors import InputError
from lintune.studies.comparison import against
from lintune.studies.comparison.differences import difference, outcomes, stratified
from tests.studies.comparison.made import runs

RNG = np.random.default_rng(0)
BASE = {"a": [0.5, 0.7, 0.3, 0.9], "b": [1.5, 1.2, 1.9, 1.1]}


def shifted(by: float, noise: float) -> dict[str, list[float | None]]:
    return {
        task: [loss + by + noise * value for loss, value in zip(each, RNG.normal(size=4), strict=True)]
        for task, each in BASE.items()
    }


def test_one_task_is_the_paired_t_test() -> None:
    left, right = RNG.normal(size=5), RNG.normal(size=5)
    found = stratified({"a": left - right})
    expected = stats.ttest_rel(left, right)
    assert found["p"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))
    narrow, interval = stratified({"a": left - right}, 0.8), expected.confidence_interval(0.8)
    assert (narrow["low"], narrow["high"]) == pytest.approx((interval.low, interval.high))


def test_of_two_tasks_it_is_welchs_test_of_a_sum() -> None:
    left, right = RNG.normal(size=5), RNG.normal(size=7, scale=3)
    found = stratified({"a": left, "b": right})
    # mean(a) + mean(b) = mean(a) - mean(-b), halved.
    expected = stats.ttest_ind(left, -right, equal_var=False)
    assert found["mean"] == pytest.approx((left.mean() + right.mean()) / 2)
    assert found["p"] == pytest.approx(expected.pvalue)


def test_verdicts_follow_the_differences() -> None:
    rows = runs({"LoRA": BASE, "low": shifted(-1, 0.01), "high": shifted(1, 0.01), "same": shifted(0, 0.5)})
    table = against(rows).set_index("method")
    assert table.verdict.to_dict() == {"low": "better", "high": "worse", "same": "no clear difference"}
    assert table.difference["low"] == pytest.approx(-1, abs=0.05)
    assert table.agree["low"] == 2
    # A score is better when it is higher; `made` has it fall with the loss.
    scores = against(rows, outcome="test_score").set_index("method")
    assert scores.verdict["low"] == "better"
    assert scores.difference["low"] > 0


def test_more_comparisons_make_each_harder() -> None:
    rows = runs({"LoRA": BASE, "x": shifted(-0.3, 0.2), **{f"n{k}": shifted(0, 0.2) for k in range(20)}})
    alone, among = against(rows, methods=["x"]), against(rows)
    assert alone.p[0] == among.p[0]
    assert alone.adjusted[0] == alone.p[0]
    assert among.adjusted.min() == pytest.approx(min(1, 21 * among.p.min()))
    assert (among.adjusted >= among.p).all()


def test_draws_on_which_one_diverged_are_left_out_and_counted() -> None:
    rows = runs({"LoRA": {"a": [1.0, 2.0, 3.0]}, "x": {"a": [0.5, None, 2.5]}})
    wide = outcomes(rows, "test_loss")
    found = difference(wide["x"], wide["LoRA"])
    assert (found["pairs"], found["left out"], found["difference"]) == (2, 1, -0.5)


def test_one_draw_alone_has_no_interval() -> None:
    rows = runs({"LoRA": {"a": [1.0]}, "x": {"a": [0.5]}})
    assert list(against(rows).verdict) == ["no spread to judge by"]


def test_equal_differences_are_no_evidence() -> None:
    rows = runs({"LoRA": {"a": [1.0, 2.0, 4.0]}, "x": {"a": [0.5, 1.5, 3.5]}})
    assert list(against(rows).verdict) == ["no spread to judge by"]


def test_nothing_is_concluded_where_runs_diverged() -> None:
    rows = runs(
        {
            "LoRA": {"a": [1.0, 2.0, 3.0, 4.0]},
            "x": {"a": [0.5, 1.51, 2.49, None]},
            "y": {"a": [0.5, 1.51, 2.49, 3.5]},
        }
    )
    found = against(rows).set_index("method")
    assert found.verdict.to_dict() == {"x": "some runs diverged", "y": "better"}
    assert found.adjusted["y"] == found.p["y"]  # what is not judged does not count


def test_unknown_names_are_refused() -> None:
    rows = runs({"LoRA": BASE, "x": BASE})
    with pytest.raises(InputError, match="base='LORA'"):
        against(rows, base="LORA")
    with pytest.raises(InputError, match="outcome='loss'"):
        against(rows, outcome="loss")
