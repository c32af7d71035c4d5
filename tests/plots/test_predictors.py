"""Figures of predictors hold what they were given."""

import numpy as np
import pandas as pd

from lintune import plots


def table(means: dict[str, tuple[int, float]]) -> pd.DataFrame:
    """Return correlations of predictors, each with its expected sign and mean, for two outcomes."""
    return pd.DataFrame(
        [
            {
                "predictor": predictor,
                "outcome": outcome,
                "expected": sign * expected,
                "mean": sign * mean,
                "low": sign * mean - 0.1,
                "high": sign * mean + 0.1,
                "partial": 0.0,
                "partial low": -0.2,
                "partial high": 0.2,
            }
            for outcome, sign in (("loss", 1), ("accuracy", -1))
            for predictor, (expected, mean) in means.items()
        ]
    )


def test_correlations_are_sorted_by_how_well_they_go_the_expected_way() -> None:
    reference = table({"wrong": (1, -0.9), "weak": (1, 0.2), "best": (-1, -0.7)})
    own = table({"best": (-1, 0.3), "weak": (1, 0.1), "wrong": (1, 0.4)})
    loss, accuracy = plots.rank_correlations(reference, own).axes
    assert [label.get_text() for label in loss.get_yticklabels()] == ["best", "weak", "wrong"]
    drawn = {line.get_label(): np.asarray(line.get_xdata(), dtype=float).tolist() for line in loss.lines}
    assert drawn["reference"] == [-0.7, 0.2, -0.9]
    assert drawn["reference, given the parameters"] == [0, 0, 0]
    assert drawn["this machine"] == [0.3, 0.1, 0.4]
    sides = [
        [
            np.sign(bar.get_extents().x0 + bar.get_extents().x1 - 2 * axis.transData.transform((0, 0))[0])
            for bar in axis.patches
        ]
        for axis in (loss, accuracy)
    ]
    assert sides == [[-1, 1, 1], [1, -1, -1]]


def test_correlations_without_intervals_are_drawn() -> None:
    alone = table({"one": (1, 0.5), "other": (-1, -0.5)})
    ends = ["low", "high", "partial low", "partial high"]
    figure = plots.rank_correlations(alone.assign(**dict.fromkeys(ends, np.nan)), alone)
    figure.draw_without_rendering()
    drawn = {line.get_label(): np.asarray(line.get_xdata(), dtype=float) for line in figure.axes[0].lines}
    np.testing.assert_allclose(drawn["reference"], [0.5, -0.5])


def test_runs_are_drawn_by_task_and_predictor() -> None:
    rows = pd.DataFrame(
        {
            "title": ["A", "A", "B", "B"],
            "depth": [1, 6, 1, 6],
            "kind": ["all", "few", "all", "few"],
            "train loss": [0.5, 0.1, 0.6, 0.2],
            "condition number": [10.0, 5000.0, 20.0, 30.0],
            "alignment": [-0.1, 0.2, 0.3, 0.4],
        }
    )
    axes = plots.losses_by_predictor(rows, ["condition number", "alignment"]).axes
    assert [axis.get_title(loc="left") for axis in axes] == ["A", "B", "", ""]
    assert [axis.get_xscale() for axis in axes] == ["log", "log", "linear", "linear"]
    first, second = (np.asarray(part.get_offsets()) for part in axes[0].collections)
    np.testing.assert_allclose(first, [[10, 0.5]])
    np.testing.assert_allclose(second, [[5000, 0.1]])
    shallow, deep = (np.asarray(part.get_facecolor())[0] for part in axes[3].collections)
    assert shallow[:3].sum() > deep[:3].sum()


def test_infinite_values_leave_the_others_drawn() -> None:
    rows = pd.DataFrame(
        {
            "title": "A",
            "depth": [1, 6, 6],
            "kind": "all",
            "train loss": [0.5, 0.1, 0.2],
            "condition number": [10.0, 5000.0, np.inf],
        }
    )
    figure = plots.losses_by_predictor(rows, ["condition number"])
    figure.draw_without_rendering()
    axis = figure.axes[0]
    assert axis.get_xscale() == "log"
    assert 5000 < axis.get_xlim()[1] < 1e5
