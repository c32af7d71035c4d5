"""What the chapter says of the record, on rows whose answers are known."""

import math

import numpy as np
import pandas as pd
import pytest

from lintune.advise import SCORES
from lintune.studies import advice
from lintune.studies.advice.aims import aims, verdict
from lintune.words import listed

NAMES = ("a", "b", "c", "d")


def joined_rows(
    said: dict[str, list[float]], loss: dict[str, list[float]], score: dict[str, list[float]]
) -> pd.DataFrame:
    """Return rows as `joined` does, of tasks with four candidates of which every score says the same."""
    parts = []
    for task, values in said.items():
        part = pd.DataFrame(
            {
                "task": task,
                "seed": 0,
                "candidate": NAMES,
                "held": True,
                "training loss": loss[task],
                "test loss": loss[task],
                "test score": score[task],
                "validation loss": loss[task],
                "tie": [True, True, False, False],
                advice.AT_RATE: values,
                advice.COMBINATION: values,
                **{each.name: [each.sign * value for value in values] for each in SCORES},
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


RIGHT = [1.0, 2.0, 3.0, 4.0]
SCORED = [0.9, 0.8, 0.7, 0.6]


def two() -> pd.DataFrame:
    both = ("one", "two")
    return joined_rows(dict.fromkeys(both, RIGHT), dict.fromkeys(both, RIGHT), dict.fromkeys(both, SCORED))


@pytest.mark.parametrize(
    ("value", "low", "high", "strict", "said"),
    [
        (0.8, 0.75, 0.85, False, "met"),
        (0.8, 0.6, 1.0, False, "met, not clearly"),
        (0.8, math.nan, math.nan, False, "met, not clearly"),
        (0.6, 0.4, 0.8, False, "not met, not clearly"),
        (0.6, 0.55, 0.65, False, "not met"),
        (0.7, 0.7, 0.7, False, "met"),
        (0.7, 0.7, 0.7, True, "not met, not clearly"),
    ],
)
def test_a_verdict_weighs_estimate_and_interval(
    value: float, low: float, high: float, strict: bool, said: str
) -> None:
    assert verdict(value, low, high, 0.7, strict) == said


def test_aims_are_met_by_a_right_order_and_missed_by_a_wrong_one() -> None:
    ratios = pd.DataFrame(
        {
            "task": ["one", "two"],
            "seed": 0,
            "clocked": [100.0, 200.0],
            "advice": [3.0, 6.0],
            "probe": [1.0, 2.0],
        }
    )
    ends = pd.DataFrame([{"way": advice.FIRST, "regret": 0.005, "low": 0.0, "high": 0.02}])
    found = aims(two(), "b", ratios, ends).set_index("key")
    assert (
        found.verdict[["rate", "order", "sweep", "hindsight", "default", "random", "cost"]].tolist()
        == ["met"] * 7
    )
    assert found.verdict["once"] == "met, not clearly"
    assert found.found["default"] == pytest.approx(0.1)
    assert found.found["random"] == pytest.approx(0.15)
    assert found.found["cost"] == pytest.approx(0.04)
    rows = two()
    rows[advice.COMBINATION] = rows[advice.AT_RATE] = -rows[advice.AT_RATE]
    wrong = aims(rows, "b", ratios.assign(probe=[50.0, 100.0]), ends).set_index("key")
    assert set(wrong.verdict.drop("once")) == {"not met"}
    assert wrong.found[["sweep", "hindsight"]].tolist() == pytest.approx([0.3, 0.3])


def test_the_default_itself_is_no_gain_over_it() -> None:
    ratios = pd.DataFrame({"task": ["one", "two"], "clocked": 100.0, "advice": 3.0, "probe": 1.0})
    ends = pd.DataFrame([{"way": advice.FIRST, "regret": 0.0, "low": 0.0, "high": 0.0}])
    assert aims(two(), "a", ratios, ends).set_index("key").verdict["default"].startswith("not met")


def test_room_is_what_is_left_above_the_default() -> None:
    rows = two()
    rows.loc[0, ["test loss", "test score"]] = [math.inf, -math.inf]
    one, other = advice.room(rows, "b", 100).to_dict("records")
    assert (one["diverged"], other["diverged"]) == (1, 0)
    assert other["best above default"] == pytest.approx(0.1)
    assert other["error"] == pytest.approx(math.sqrt(0.75 * 0.25 / 100))
    assert (one["place"], one["default place"]) == (1.0, 0.0)
    assert (other["place"], other["default place"]) == (0.0, pytest.approx(1 / 3))


def test_reasons_are_those_that_the_numbers_bear_out() -> None:
    assert advice.reasons(two(), "d", 10_000) == []
    little, among = advice.reasons(two(), "a", 10_000)
    assert "little to gain" in little
    assert "among the best" in among
    rows = two()
    rows[advice.COMBINATION] = [2.0, 4.0, 1.0, 3.0] * 2
    (order,) = advice.reasons(rows, "d", 10_000)
    assert "agrees little" in order
    assert f"{advice.correlations(rows).iloc[0]['mean']:.2f}" in order


def test_ties_are_held_against_all_and_against_the_others() -> None:
    row = advice.tie_spreads(two()).iloc[0]
    assert (row.tied, row.candidates) == (2, 4)
    assert row.spread == pytest.approx(np.std([1, 2], ddof=1))
    assert row["spread of all"] == pytest.approx(np.std(RIGHT, ddof=1))
    assert (row["mean"], row["mean of others"]) == (1.5, 3.5)


def records(diverged: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a sweep of two candidates on one task, and advice whose first choice is the second."""
    sweep = pd.DataFrame(
        [
            {"candidate": "start", "test_score": 0.5, "test_loss": 1.0},
            {"candidate": "a", "rate": 0.1, "validation_loss": 0.4, "test_score": 0.8, "test_loss": 0.4},
            {"candidate": "b", "rate": 0.2, "validation_loss": 0.5, "test_score": 0.7, "test_loss": 0.5},
        ]
    ).assign(task="one", seed=0)
    score = {"what": "score", "predicted held-out loss": 0.5, "predicted training loss": 0.25}
    ran = {"what": "trained", "rate": 0.1, "verdict": "guides", "train_loss": 0.3}
    bad = {"test_score": None, "test_loss": None, "share": None, "train_loss": None, "verdict": "fails"}
    said = pd.DataFrame(
        [
            score | {"candidate": "a"},
            score | {"candidate": "b"},
            ran
            | {"role": "first", "candidate": "b", "share": 0.2, "test_score": 0.9, "test_loss": 0.6}
            | (bad if diverged else {}),
            ran | {"role": "default", "candidate": "a", "share": 0.4, "test_score": 0.6, "test_loss": 0.8},
        ]
    ).assign(task="one", seed=0)
    return sweep, said


def test_endings_hold_one_run_against_the_sweep() -> None:
    found = advice.endings(*records(), "b")
    table = advice.ending_table(found).set_index("way")
    assert table.regret["the sweep's choice"] == 0
    assert table.regret[advice.FIRST] == pytest.approx(-0.1)
    assert table.regret[advice.TUNED_DEFAULT] == pytest.approx(0.1)
    assert table.regret["no training"] == pytest.approx(0.3)
    assert table.low.isna().all()  # of one task there is no interval


def test_a_first_choice_that_diverged_scores_as_no_training() -> None:
    found = advice.endings(*records(diverged=True), "b").set_index("way")
    assert found.test_score[advice.FIRST] == 0.5
    assert math.isnan(found.test_loss[advice.FIRST])


def test_probes_stand_beside_the_error_of_the_forecast() -> None:
    table = advice.probes(records()[1])
    assert table.wrong.tolist() == pytest.approx([0.1, 0.3])
    assert table["train wrong"].tolist() == pytest.approx([0.05, 0.05])
    assert advice.warning(table) == pytest.approx(1.0)
    lost = advice.probes(records(diverged=True)[1])
    assert lost.wrong.tolist() == [math.inf, pytest.approx(0.3)]
    assert lost.share.tolist() == [math.inf, 0.4]
    assert math.isnan(advice.warning(table.iloc[:1]))


def test_closeness_is_by_rate() -> None:
    rows = pd.DataFrame(
        {
            "task": "one",
            "seed": 0,
            "rate": [0.1] * 3 + [0.2] * 2,
            "train_loss": [1.0, 2.0, 3.0, 1.0, 2.0],
            "predicted_train_loss": [2.0, 4.0, 6.0, 1.0, 1.0],
            "validation_loss": [1.0, 1.0, 1.0, 1.0, 2.0],
            "predicted_validation_loss": [1.05, 1.3, 1.05, 1.0, 1.0],
        }
    )
    slow, fast = advice.closeness(rows).to_dict("records")
    assert (slow["runs"], slow["ratio"], slow["near"]) == (3, 0.5, pytest.approx(2 / 3))
    assert slow["correlation"] == pytest.approx(1)
    assert math.isnan(fast["correlation"])  # of two candidates there is none
    assert fast["held ratio"] == 1.5


def test_the_overview_has_a_row_per_task_without_what_diverged() -> None:
    rows = two()
    rows.loc[0, "test score"] = -math.inf
    rows["held"] = rows.task == "two"
    start = {"candidate": "start", "seed": 0, "test_score": 0.5}
    sweep = pd.DataFrame([start | {"task": task} for task in ("one", "two")])
    table = advice.overview(sweep, rows, "b", {"one": "One", "two": "Two"})
    assert table.task.tolist() == ["Two", "One"]
    assert table.used.tolist() == ["held out", "chosen on"]
    assert [table[name]["one"] for name in ("no training", "the default", "lowest", "highest")] == [
        0.5,
        0.8,
        0.6,
        0.8,
    ]


def test_another_combination_orders_anew() -> None:
    rows = two()
    rows["trace"] = rows["trace"] * -1
    turned = advice.reordered(rows, ["trace"])
    assert turned[advice.COMBINATION].tolist() == pytest.approx([0.875, 0.625, 0.375, 0.125] * 2, abs=1e-5)


def test_words_say_which_way_and_how_surely() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert advice.span({"mean": 0.5, "low": 0.25, "high": 0.75}) == "0.50 (0.25 to 0.75)"
    assert advice.span({"x": 0.5, "low": math.nan, "high": math.nan}, "x", 1) == "0.5 (one task only)"
    assert advice.compared({"mean": -0.02, "low": -0.03, "high": -0.01}) == "0.020 less (clearly)"
    assert "not clearly" in advice.compared({"mean": 0.02, "low": -0.03, "high": 0.07})
    assert advice.compared({"mean": 0.0001, "low": 0, "high": 0.1}) == "the same on average"
    assert "one task" in advice.compared({"mean": 0.02, "low": math.nan, "high": math.nan})
