"""Figures of the advisor hold what they were given."""

import numpy as np
import pandas as pd

from lintune.plots import advisor, foresight, validation


def test_forecasts_are_dots_in_order_filled_where_they_tie() -> None:
    rows = pd.DataFrame(
        {
            "candidate": ["a", "b", "c"],
            "loss": [0.4, 0.5, 0.3],
            "error": [np.nan, 0.1, 0.2],
            "tie": [True, False, True],
        }
    )
    figure = advisor.forecasts(rows, "a", "c", {"guessing": 0.7})
    figure.draw_without_rendering()
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c"]
    dots = [
        line for line in axis.lines if line.get_marker() == "o" and len(np.asarray(line.get_xdata())) == 1
    ]
    assert [float(np.asarray(line.get_xdata())[0]) for line in dots] == [0.4, 0.5, 0.3]
    assert [line.get_markerfacecolor() == "white" for line in dots] == [False, True, False]
    assert len({line.get_color() for line in dots}) == 3


def test_predicted_and_real_runs_stand_side_by_side() -> None:
    rows = pd.DataFrame(
        {
            "candidate": ["a", "b"],
            "batches": [[1.0, 0.5, 0.2], [1.0, 3.0]],
            "predicted_batches": [[1.0, 0.6, 0.3], [1.0, 0.9, 0.8]],
            "train_loss": [0.2, np.nan],
            "held_loss": [0.4, np.nan],
            "predicted_train_loss": [0.3, 0.8],
            "predicted_held_loss": [0.5, 0.9],
        }
    )
    figure = advisor.predicted_runs(rows, ["a", "b"], "a", "b")
    figure.draw_without_rendering()
    first, second, ends = figure.axes
    assert [np.asarray(line.get_ydata()).tolist() for line in first.lines] == [
        [1.0, 0.6, 0.3],
        [1.0, 0.5, 0.2],
    ]
    assert [len(np.asarray(line.get_ydata())) for line in second.lines] == [3, 2]
    drawn = {tuple(line.get_xydata()[0]) for line in ends.lines if len(line.get_xydata()) == 1}  # type: ignore[index, arg-type]
    assert {(0.3, 0.2), (0.5, 0.4)} <= drawn
    assert len(advisor.predicted_runs(rows, ["a"], "a", "b").axes) == 2


def said() -> pd.DataFrame:
    names = list("abcdefgh")
    return pd.DataFrame(
        {
            "title": ["One"] * 8 + ["Two"] * 8,
            "seed": 0,
            "candidate": names * 2,
            "predicted loss": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] * 2,
            "order": [0.4, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8] * 2,
            "loss": [1.0, 2.0, 3.0, 2.5, 1.5, 1.7, 1.8, np.inf, 1.0, 1.1, 1.2, 1.3, 1.4, 1.2, 1.3, 900.0],
        }
    )


def test_what_was_said_has_a_panel_per_task_and_marks_default_and_first() -> None:
    pairs = {"predicted loss": ("loss", "real loss"), "order": ("loss", "real loss")}
    figure = validation.said_and_done(said(), pairs, "c", "order")
    figure.draw_without_rendering()
    assert [axis.get_title(loc="left") for axis in figure.axes[:4]] == ["One", "Two", "", ""]
    panel = figure.axes[0]
    named = {each.get_label(): np.asarray(each.get_offsets()).tolist() for each in panel.collections}
    assert named["the usual default"] == [[3.0, 3.0]]
    assert named["the first choice"] == [[2.0, 2.0]]
    # What diverged, or is far above the others, does not stretch the panel; it is marked at its edge.
    for axis in figure.axes[:2]:
        assert axis.get_ylim()[1] < 20
        assert [8.0, 0.98] in [
            offset for each in axis.collections for offset in np.asarray(each.get_offsets()).tolist()
        ]


def agreement(means: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "score": score,
                "outcome": outcome,
                "mean": mean,
                "low": mean - 2.0,
                "high": mean + 0.1,
                "cheap": score == "parameters",
                "each": [mean, mean],
            }
            for outcome in ("training loss", "test loss")
            for score, mean in means.items()
        ]
    )


def test_agreements_are_sorted_by_the_first_outcome_of_held_out_tasks() -> None:
    held, chosen = (
        agreement({"parameters": 0.2, "combined": 0.6}),
        agreement({"parameters": 0.9, "combined": 0.1}),
    )
    figure = validation.agreements(held, chosen)
    figure.draw_without_rendering()
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["combined", "parameters (cheap)"]
    drawn = {line.get_label(): np.asarray(line.get_xdata(), dtype=float).tolist() for line in axis.lines}
    assert drawn["held-out tasks"] == [0.6, 0.2]
    assert drawn["choice tasks"] == [0.1, 0.9]
    validation.agreements(held, chosen.iloc[:0]).draw_without_rendering()


def test_regrets_have_a_mark_per_task_and_the_mean() -> None:
    table = pd.DataFrame(
        {
            "rule": ["the sweep", "combined"],
            "regret": [0.0, 0.02],
            "low": [np.nan, -1.0],
            "high": [np.nan, 1.0],
            "each": [{"one": 0.0, "two": 0.0}, {"one": 0.01, "two": 0.03}],
            "cheap": [False, True],
        }
    )
    axis = validation.regret_rows(table, ["combined", "the sweep"], 0.01).axes[0]
    drawn = {line.get_label(): np.asarray(line.get_xdata(), dtype=float).tolist() for line in axis.lines}
    assert (drawn["one"], drawn["two"], drawn["mean"]) == ([0.01, 0.0], [0.03, 0.0], [0.02, 0.0])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["combined (cheap)", "the sweep"]
    low, high = axis.get_xlim()
    assert -0.1 < low < 0
    assert 0.03 < high < 0.1  # intervals of few tasks do not set the range


def test_rates_are_counted_and_losses_coloured_by_rate() -> None:
    rows = pd.DataFrame({"rate": [1e-3, 1e-3, np.nan], "suggested": [3e-3, 3e-3, 1e-2]})
    found = pd.DataFrame(
        {
            "rate": [1e-3, 4e-3],
            "train_loss": [1.0, 0.5],
            "predicted_train_loss": [0.9, 0.6],
            "validation_loss": [1.0, 0.8],
            "predicted_validation_loss": [1.1, 0.9],
        }
    )
    figure = foresight.rates_and_losses(rows, found)
    figure.draw_without_rendering()
    left, middle, right = figure.axes
    np.testing.assert_allclose(np.asarray(left.collections[0].get_offsets()), [[1e-3, 3e-3]])
    assert [np.asarray(each.get_offsets()).tolist() for each in middle.collections] == [
        [[0.9, 1.0]],
        [[0.6, 0.5]],
    ]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["0.001", "0.004"]  # type: ignore[union-attr]


def test_probes_that_diverged_are_left_out() -> None:
    table = pd.DataFrame(
        {"role": ["first", "default", "first"], "share": [0.1, 0.4, np.inf], "wrong": [0.2, 0.3, np.inf]}
    )
    axis = foresight.warnings(table, 0.1, 0.5).axes[0]
    drawn = {line.get_label(): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.lines}
    assert (drawn["first"], drawn["default"]) == ([0.2], [0.3])
