"""Figures of proximal training hold what they were given."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lintune import plots


def lines(axis: Axes) -> dict[object, list[float]]:
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.lines}


def test_paths_are_relative_to_the_start() -> None:
    found = {
        "times": np.array([0, 1, 100]),
        "loss": np.array([4.0, 2.0, 1.0]),
        "end": np.array(1.0),
        "linear": np.array([4.0, 2.0]),
        "network": np.array([4.0, 3.0]),
        "held": np.array([4.0, 2.4]),
    }
    drawn = lines(plots.proximal_paths({"weak": found, "strong": found}).axes[1])
    assert drawn["linear model, closed form"] == [1, 0.5, 0.25]
    assert drawn["linear model, trained"] == [1, 0.5]
    assert drawn["network, A and B trained"] == [1, 0.75]
    assert drawn["network, B trained"] == [1, 0.6]


def test_modes_show_shares_and_each_moment() -> None:
    left, right = plots.proximal_modes(
        np.array([3.0, 1.0]), np.array([0.9, 0.1]), {"1 step": np.array([0.5, 0.1])}, np.array([0.9, 0.7])
    ).axes
    assert lines(left)["of the target's energy"] == [0.9, 0.1]
    assert lines(left)["of the kernel's trace"] == [0.75, 0.25]
    assert lines(right)["1 step"] == [0.5, 0.1]
    assert lines(right)["ceiling"] == [0.9, 0.7]


def test_conditioning_shows_what_a_pull_buys_and_costs() -> None:
    table = pd.DataFrame(
        {
            "relative": [0.1, 1.0],
            "condition_number": [50.0, 5.0],
            "guaranteed": [90, 9],
            "best_step": [80, 8],
            "full_step": [70, 7],
            "loss": [0.1, 0.4],
            "learnt": [0.8, 0.2],
        }
    )
    left, right = plots.conditioning(table).axes
    assert lines(left)["steps, step of the best rate"] == [80, 8]
    assert lines(left)["condition number"] == [50, 5]
    assert lines(right)["loss at the optimum / at the start"] == [0.1, 0.4]
