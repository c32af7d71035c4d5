"""Figures hold what they were given."""

import numpy as np
import pandas as pd
import pytest

from lintune import plots


def test_gram_matrices_are_sorted_by_class_and_normalised() -> None:
    kernel = np.array([[4.0, 0.0, 2.0], [0.0, 9.0, 3.0], [2.0, 3.0, 16.0]])
    figure = plots.gram_matrices({"t": kernel}, {"t": np.array([1, 0, 1])}, {"t": ["no", "yes"]})
    drawn = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(np.diag(drawn), 1)
    assert drawn[0, 2] == pytest.approx(3 / (3 * 4))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["no", "yes"]


def test_layers_lie_on_a_grid_of_depth_and_kind() -> None:
    described = {
        f"model.layers.{depth}.mlp.{kind}": {"share": 0.1 * depth, "alignment": 0.5}
        for depth in range(3)
        for kind in ("up", "down")
        if (depth, kind) != (1, "down")
    }
    drawn = plots.layers({"t": described}).axes[0].images[0].get_array()
    assert drawn is not None
    grid = np.ma.filled(np.ma.asarray(drawn).astype(float), np.nan)
    np.testing.assert_allclose(grid, np.array([[0, 0], [10, np.nan], [20, 20]]), atol=1e-12)


def test_accuracies_show_every_draw_and_the_mean() -> None:
    figure = plots.accuracies({"t": {"zero-shot": [0.5], "kernel regression": [0.6, 0.8]}}, {"t": 0.5})
    lines = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in figure.axes[0].lines]
    assert [0.6, 0.8] in lines
    assert any(np.allclose(line, [0.7, 0.7]) for line in lines)


def test_spectra_are_relative_to_the_mean() -> None:
    axis = plots.spectra({"t": {"full": np.array([3.0, 1.0])}}).axes[0]
    np.testing.assert_allclose(np.asarray(axis.lines[0].get_ydata(), dtype=float), [1.5, 0.5])


def test_a_way_that_only_a_later_task_has_is_drawn() -> None:
    figure = plots.accuracies(
        {"a": {"zero-shot": [0.5]}, "b": {"zero-shot": [0.4], "full": [0.6]}}, {"a": 0.5, "b": 0.5}
    )
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["full", "zero-shot"]


def test_likeness_writes_every_number() -> None:
    table = pd.DataFrame({"a": [1.0, 0.25], "b": [0.25, -1.0]}, index=["a", "b"])
    texts = [text.get_text() for text in plots.likeness(table).axes[0].texts]
    assert texts == ["1.00", ".25", ".25", "-1.00"]


def test_costs_names_each_way_with_the_slowest_at_the_bottom() -> None:
    ways = pd.DataFrame({"seconds": [1.0, 5.0], "gigabytes": [2.0, 3.0]}, index=["lintune", "loop"])
    seconds, gigabytes = plots.costs({"t": ways}).axes
    assert [label.get_text() for label in seconds.get_yticklabels()] == ["loop", "lintune"]
    assert [text.get_text() for text in seconds.texts] == ["5", "1"]
    assert [text.get_text() for text in gigabytes.texts] == ["3", "2"]


def test_eigenvalues_lie_within_what_is_drawn_as_their_bounds() -> None:
    described = {
        "before": [2.0, 1.0],
        "after": [3.0, 1.5],
        "weyl": ([2.0, 1.0], [4.0, 2.0]),
        "relative": ([2.5, 1.2], [3.5, 1.6]),
    }
    axis = plots.eigenvalue_bounds({"t": described}).axes[0]
    drawn = {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float) for line in axis.lines}
    np.testing.assert_allclose(drawn["after"], [3, 1.5])
    np.testing.assert_allclose(drawn["before"], [2, 1])
    np.testing.assert_allclose(drawn["relative"], [2.5, 1.2])


def test_condition_numbers_start_before_the_first_addition_and_leave_gaps() -> None:
    steps: list[dict[str, float | None]] = [
        {"before": None, "after": 5.0, "mediant": None},
        {"before": 5.0, "after": 4.0, "mediant": 4.5},
    ]
    axis = plots.condition_numbers({"t": {"from the top": steps}}).axes[0]
    np.testing.assert_allclose(np.asarray(axis.lines[0].get_ydata(), dtype=float), [np.nan, 5, 4])


def test_residual_bounds_show_each_addition() -> None:
    steps = [{"ratio": 0.8, "range": [0.5, 1.2], "bounds": [0.4, 2.0]}] * 3
    axis = plots.residual_bounds({"t": steps}).axes[0]
    points = np.asarray(axis.collections[-1].get_offsets())
    np.testing.assert_allclose(points, [[2, 0.8], [3, 0.8], [4, 0.8]])
