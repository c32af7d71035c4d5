"""Figures of departures hold what they were given."""

from itertools import product

import numpy as np
import pandas as pd

from lintune.plots import departure as figures


def table() -> pd.DataFrame:
    rows = [
        {"alpha": alpha, "rate": rate, "steps": steps, "draw": draw, "number": 1 / alpha}
        | {"gap": rate * steps / alpha, "worst": rate * steps / alpha}
        for alpha, rate, steps, draw in product((16.0, 64.0), (0.1, 0.4), (8, 32), ("t 0", "t 1"))
    ]
    return pd.DataFrame(rows)


def test_the_map_has_a_panel_per_number_of_steps_and_its_boundary() -> None:
    figure = figures.departure_map(table(), 0.1)
    figure.draw_without_rendering()
    first, second = figure.axes[:2]
    assert [axis.get_title(loc="left") for axis in (first, second)] == ["after 8 steps", "after 32 steps"]
    # After 8 steps rate 0.4 at alpha 16 is beyond alone: a line to its right and one under it.
    assert sorted(text.get_text() for text in first.texts) == sorted(["0.05", "0.013", "0.2", "0.05"])
    edges = [
        tuple(np.asarray(ends, dtype=float).tolist() for ends in (line.get_xdata(), line.get_ydata()))
        for line in first.lines
    ]
    assert sorted(edges) == [([0, 1], [1, 1]), ([1, 1], [1, 2])]


def test_the_map_holds_what_diverged() -> None:
    figure = figures.departure_map(table().assign(gap=np.inf), 0.1)
    figure.draw_without_rendering()
    assert {text.get_text() for text in figure.axes[0].texts} == {"inf"}


def test_paths_have_a_line_per_run_and_a_median() -> None:
    rows = table().rename(columns={"steps": "step", "gap": "test_gap"})
    figure = figures.departure_paths(rows, 0.1)
    figure.draw_without_rendering()
    axis = figure.axes[1]
    assert len(axis.lines) == 2 * (2 + 1) + 1
    median = next(line for line in axis.lines if line.get_label() == "alpha 64")
    np.testing.assert_allclose(np.asarray(median.get_ydata(), dtype=float), [0.05, 0.2])


def test_foretellers_are_drawn_by_dial_and_outcome() -> None:
    rows = pd.DataFrame(
        [
            {
                "dial": dial,
                "predictor": name,
                "group": group,
                "auc": auc,
                "auc low": np.nan,
                "auc high": np.nan,
            }
            for dial in ("alpha", "pooled")
            for name, group, auc in (("one", "early", 0.9), ("other", "trivial", 0.4))
        ]
    )
    figure = figures.foretellers({"gap": rows, "worst": rows.assign(auc=1.0)}, ["alpha", "pooled"])
    figure.draw_without_rendering()
    axis = figure.axes[0]
    drawn = {line.get_label(): np.asarray(line.get_xdata(), dtype=float).tolist() for line in axis.lines}
    assert drawn["left at the end"] == [0.9, 0.4]
    assert drawn["left ever"] == [1, 1]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["one", "other"]
    assert axis.get_yticks()[0] > axis.get_yticks()[1]


def test_the_scatter_has_a_dot_per_end_and_leaves_out_what_has_no_place() -> None:
    rows = table().assign(other=0.0)
    rows.loc[0, "number"] = np.inf
    figure = figures.departure_scatter(rows, ["number", "other"], 0.1)
    figure.draw_without_rendering()
    sizes = [[len(np.asarray(line.get_xdata())) for line in axis.lines[:2]] for axis in figure.axes[:2]]
    assert sizes == [[7, 8], [0, 0]]
