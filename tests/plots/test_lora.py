"""Figures of LoRA's coordinates hold what they were given."""

import numpy as np
import pandas as pd

from lintune import plots


def test_projection_errors_show_each_draw_and_the_mean() -> None:
    table = pd.DataFrame({"rank": [2, 2, 8], "error": [0.2, 0.4, 0.1]})
    (axis,) = plots.projection_errors(table).axes
    drawn = {line.get_label(): np.asarray(line.get_ydata()) for line in axis.lines}
    np.testing.assert_allclose(drawn["one draw of A"], [0.2, 0.4, 0.1])
    np.testing.assert_allclose(drawn["mean"], [0.3, 0.1])
    np.testing.assert_allclose(drawn["slope of 1/√r"][0] / drawn["slope of 1/√r"][1], 2)


def test_gaps_are_shares_of_the_way_with_a_panel_for_each_alpha() -> None:
    gap = np.array([0.0, 0.5, 1.0])
    race = {"moved": np.array([0.0, 1.0, 2.0]), "gap": dict.fromkeys(("factors", "held", "product"), gap)}
    figure = plots.lora_gaps([{"alpha": alpha, **race} for alpha in (64.0, 16.0, 64.0)])
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["alpha 16", "alpha 64"]
    assert [len(axis.lines) for axis in figure.axes] == [3, 6]
    np.testing.assert_allclose(np.asarray(figure.axes[0].lines[0].get_ydata()), [0.25, 0.5])


def test_the_dial_shows_kernels_and_distances_by_scale() -> None:
    table = pd.DataFrame(
        {"alpha": [16.0, 64.0], "drift": [4.0, 0.3], "a_half": [1.6, 0.1]}
        | {way: [0.5, 0.1] for way in ("factors", "held", "product")}
    )
    left, right = plots.lora_dial(table, 8).axes
    np.testing.assert_allclose(np.asarray(left.lines[0].get_xdata()), [2, 8])
    np.testing.assert_allclose(np.asarray(left.lines[2].get_ydata()), [1.6, 0.1])
    assert [line.get_label() for line in right.lines] == [
        "linear in (A, B)",
        "LoRA, A held",
        "linear in the product",
    ]
