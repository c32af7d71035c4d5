"""Figures of the model with two weights hold what they were given."""

import numpy as np
from matplotlib.axes import Axes

from lintune.plots import two_weights as drawn
from lintune.studies import two_weights as study
from lintune.studies.growth_curve import growth

TIMES = np.linspace(0, 2, 21)
START, TARGET = (2.0, 1.0), 6.0


def heights(axis: Axes, line: int) -> np.ndarray:
    return np.asarray(axis.lines[line].get_ydata(), dtype=float)


def test_tangent_touches_at_the_start() -> None:
    left, right = drawn.tangent_plane(START, [1, 2, 3]).axes
    curve, line = heights(left, 0), heights(left, 1)
    middle = len(curve) // 2
    assert curve[middle] == line[middle] == 2
    assert (curve >= line - 1e-12).all()
    assert right.get_xlim() == (0.5, 3.5)


def test_paths_and_residuals_are_drawn() -> None:
    found = {
        "times": TIMES,
        "real": study.exact_path(START, TARGET, TIMES),
        "linear": study.linear_path(START, TARGET, TIMES),
    }
    left, right = drawn.two_ways(found, START, TARGET, 1.75).axes
    np.testing.assert_allclose(heights(left, 0), found["real"][:, 1])
    np.testing.assert_allclose(heights(right, 1), 4 * np.exp(-5 * TIMES))


def test_pulled_pictures_have_the_same_axes() -> None:
    weak, strong = study.pulls(START, TARGET, [1.0, 50.0], TIMES)
    figures = [drawn.pulled(row, TIMES, START, TARGET, 1.75) for row in (weak, strong)]
    for one, other in zip(*(figure.axes for figure in figures), strict=True):
        assert (one.get_xlim(), one.get_ylim()) == (other.get_xlim(), other.get_ylim())
    assert figures[1].axes[1].get_title(loc="left") == r"$\lambda=50$"
    np.testing.assert_allclose(heights(figures[1].axes[1], 0), strong["outputs"])


def test_departures_are_drawn_over_the_ratio() -> None:
    rows = study.scales(START, 4.0, [1.0, 2.0], np.linspace(0, 12, 61))
    (axis,) = drawn.lazy(rows).axes
    assert np.asarray(axis.lines[0].get_xdata()).tolist() == [0.8, 0.2]


def test_both_modes_of_both_models_are_drawn() -> None:
    found = growth([-0.5, 0.5], [1.0, 2.0], TIMES)
    left, right = drawn.growth_speeds(found, [2, 20]).axes
    assert len(left.lines) == 5
    np.testing.assert_allclose(heights(right, 1), found["line"][:, 0])
    assert right.lines[2].get_label() == "eigenvalue 0.5"
