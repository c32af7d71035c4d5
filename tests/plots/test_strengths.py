"""Figures of the strength of the pull hold what they were given."""

import numpy as np
import pandas as pd
import pytest

from lintune import plots


def test_closeness_draws_measurements_under_their_bounds_in_order() -> None:
    rows = pd.DataFrame(
        {
            "method": "weights",
            "task": "mr",
            "relative": [10.0, 1.0],
            "drift": [0.1, 1.0],
            "gap": [0.01, 1.0],
            "kernel_change": [2.0, 20.0],
        }
    )
    for bound, measured in (("drift", "drift"), ("gap", "gap"), ("kernel", "kernel_change")):
        rows[f"{bound} bound"] = 2 * rows[measured]
    figure = plots.closeness(rows, above=1.0)
    above, found, slope = figure.axes[1].lines[:3]
    np.testing.assert_allclose(np.asarray(found.get_xdata(), dtype=float), [1.0, 10.0])
    np.testing.assert_allclose(np.asarray(found.get_ydata(), dtype=float), [1.0, 0.01])
    np.testing.assert_allclose(np.asarray(above.get_ydata(), dtype=float), [2.0, 0.02])
    ends = np.asarray(slope.get_ydata(), dtype=float)
    assert ends[1] / ends[0] == pytest.approx(1e-2)


def test_accuracy_by_strength_has_a_panel_for_each_method_and_task() -> None:
    rows = pd.DataFrame(
        [
            {"task": task, "method": method, "seed": seed, "relative": relative}
            | {"test_accuracy": 0.6 + 0.1 * seed, "twin_test_accuracy": 0.5}
            for task in ("a", "b")
            for method in ("weights", "LoRA")
            for seed in (0, 1)
            for relative in (0.1, 1.0)
        ]
    )
    figure = plots.accuracy_by_strength(rows, {"a": 2, "b": 4})
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "a: weights",
        "b: weights",
        "a: LoRA",
        "b: LoRA",
    ]
    real = [line for line in figure.axes[0].lines if line.get_label() == "real"]
    means = [np.asarray(line.get_ydata(), dtype=float) for line in real]
    np.testing.assert_allclose(means[0], [0.65, 0.65])
    chance = [line for line in figure.axes[1].lines if line.get_label() == "chance"]
    np.testing.assert_allclose(np.asarray(chance[0].get_ydata(), dtype=float), 0.25)
