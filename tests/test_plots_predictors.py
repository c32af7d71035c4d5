"""Figures of predictors hold what they were given."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lintune import plots


@pytest.fixture(autouse=True)
def canvas() -> Iterator[None]:
    mpl.use("agg")
    plots.use_style()
    yield
    plt.close("all")


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
