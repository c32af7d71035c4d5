"""Figures of what recovery costs hold what they were given."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lintune.plots import recovery as drawn
from lintune.studies.recovery import Exponent


def lines(axis: Axes) -> dict[object, list[float]]:
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.lines}


def test_power_laws_show_fits_with_their_exponents_and_bounds() -> None:
    fit = Exponent(1.0, 0.9, 1.1, np.log(5.0), 2, 0)
    rows = pd.DataFrame({"d": [10, 20], "steps": [50.0, np.nan]})
    figure = drawn.power_laws({"p": {"a": rows}}, {"p": {"a": fit}}, "d", "d", {"p": {"a": 2.0}})
    axis = figure.axes[0]
    np.testing.assert_allclose(lines(axis)["a: 1.00"], [50, 100])
    bound = np.asarray(axis.lines[-1].get_ydata(), dtype=float)
    np.testing.assert_allclose(bound, [50, 200])


def test_collapse_has_a_curve_for_each_group_and_the_middle() -> None:
    table = pd.DataFrame({"unit": [10.0, 100.0], "weak": [4.0, 40.0], "group": ["a", "b"]})
    found = lines(drawn.collapse(table, 0.4).axes[0])
    assert (found["a"], found["b"]) == ([4.0], [40.0])
    np.testing.assert_allclose(found["0.40 times"], [4.0, 40.0])


def test_crossover_counts_censored_runs_as_the_longest() -> None:
    table = pd.DataFrame(
        {
            "ratio": [1.0] * 3 + [2.0] * 3,
            "dimension": 16,
            "unit": 10.0,
            "steps": [2.0, 4.0, np.nan, 8.0, np.nan, np.nan],
        }
    )
    left, right = drawn.crossover(table, 0.3).axes
    first, last = lines(left)["d = 16"]
    assert first == 4.0
    assert np.isnan(last)
    np.testing.assert_allclose(np.asarray(right.lines[0].get_xdata(), dtype=float), [0.5, 1.0])


def test_overlaps_show_medians() -> None:
    found = lines(drawn.overlaps({"t": {"a": np.array([[0.0, 0.2], [0.0, 0.6]])}}, [0, 5]).axes[0])
    np.testing.assert_allclose(found["a"], [0.0, 0.4])


def test_optima_are_in_degrees() -> None:
    each = {
        "angles": np.array([-np.pi, np.pi]),
        "loss": np.array([1.0, 2.0]),
        "teacher": np.array(np.pi / 2),
        "second": np.array(0.0),
        "ends": np.array([np.pi / 2]),
    }
    axis = drawn.optima({"t": each}).axes[0]
    drawn_at = {line.get_label(): np.asarray(line.get_xdata(), dtype=float).tolist() for line in axis.lines}
    assert drawn_at["u"] == [90.0, 90.0]
    assert drawn_at["descent ends"] == [90.0]


def test_feature_errors_show_medians_and_the_limit() -> None:
    table = pd.DataFrame(
        {"gap": [0.1, 0.1, 0.2], "activation": "relu", "left": [1.0, 3.0, 4.0], "limit": [5.0, 5.0, 10.0]}
    )
    found = lines(drawn.feature_errors(table).axes[0])
    assert found["relu"] == [2.0, 4.0]
    assert found["theorem 36, constant 1"] == [5.0, 10.0]
