"""Figures of many methods hold what they were given."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lintune.plots.comparison import differences, fair_comparison, foretold_and_learnt, method_spectra

FAMILIES = {"weights": "parts", "rows": "parts", "LoRA": "low rank, one"}


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() or axis.get_title(loc="left") for axis in figure.axes]


def test_spectra_stand_by_family_beside_one_that_is_in_all() -> None:
    spectra = {"weights": [3.0, 1.0], "rows": [2.0, 2.0], "LoRA": [4.0, 0.0]}
    figure = method_spectra(spectra, FAMILIES, "weights")
    assert titles(figure) == ["parts", "low rank,\none"]
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["weights", "rows"]
    assert [line.get_label() for line in right.lines] == ["weights", "LoRA"]
    np.testing.assert_allclose(np.asarray(left.lines[0].get_ydata()), [0.75, 0.25])
    # What is zero is not drawn on a logarithmic axis.
    np.testing.assert_allclose(np.asarray(right.lines[1].get_ydata()), [1])


def test_what_was_foretold_is_the_mean_over_draws_and_ours_is_hollow() -> None:
    rows = pd.DataFrame(
        {
            "title": ["One", "One", "Two"],
            "method": ["LoRA", "LoRA", "new"],
            "said": [1.0, 3.0, 5.0],
            "did": [0.2, 0.4, 0.9],
        }
    )
    own = pd.DataFrame({"title": ["Two"], "method": ["LoRA"], "said": [4.0], "did": [0.1]})
    figure = foretold_and_learnt(rows, own, FAMILIES, {"said": ("did", "learnt")})
    one, two = figure.axes
    assert titles(figure) == ["One", "Two"]
    assert [np.asarray(line.get_xydata()).tolist() for line in one.lines] == [[[2.0, 0.30000000000000004]]]
    assert [np.asarray(line.get_xydata()).tolist() for line in two.lines] == [[[5.0, 0.9]], [[4.0, 0.1]]]
    assert two.lines[1].get_markerfacecolor() == "none"
    alone = foretold_and_learnt(rows, own.iloc[:0], FAMILIES, {"said": ("did", "learnt")})
    assert len(alone.axes[1].lines) == 1


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "test_score": [0.7, 0.8],
            "test_score low": [0.6, 0.7],
            "test_score high": [0.8, 0.9],
            "test_loss": [0.5, 0.4],
            "test_loss low": [0.4, 0.3],
            "test_loss high": [0.6, 0.5],
            "relative": [1.0, 2.0],
            "peak_bytes": [np.nan, np.nan],
            "parameters": [10, 100],
        },
        index=["LoRA", "weights"],
    )


def test_methods_are_sorted_by_loss_and_what_was_not_measured_has_no_panel() -> None:
    figure = fair_comparison(table(), {"majority": 0.55}, "LoRA")
    assert len(figure.axes) == 4
    score = figure.axes[0]
    assert [label.get_text() for label in score.get_yticklabels()] == ["LoRA", "weights"]
    np.testing.assert_allclose(np.asarray(score.lines[0].get_xdata()), [0.7, 0.8])
    assert [line.get_label() for line in score.lines].count("majority") == 1


def test_differences_stand_from_top_to_bottom_in_the_colours_of_their_verdicts() -> None:
    rows = pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "difference": [-1.0, 0.5, 0.0],
            "low": [-2.0, 0.1, -1.0],
            "high": [0.0, 0.9, 1.0],
            "verdict": ["better", "worse", "no clear difference"],
        }
    )
    (axis,) = differences(rows, "apart", -1).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c"]
    colours = [axis.lines[place].get_color() for place in (0, 2, 4)]
    assert len(set(colours)) == 3
    low, high = axis.get_ylim()
    assert low > high
