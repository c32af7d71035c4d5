"""Figures of the decomposition view hold what they were given."""

import numpy as np
import pandas as pd

from lintune.plots import decomposition as figures
from lintune.plots.forms import decomposition_map

FORMS = ("LoRA", "TriLoRA", "FLoRA", "weights")


def test_errors_are_drawn_by_parameters_a_panel_per_change() -> None:
    table = pd.DataFrame(
        {
            "family": ["any change of rank r", "any change of rank r", "SSL"],
            "rank": [2, 1, 0],
            "parameters": [20, 10, 5],
            "error": [0.2, 0.4, 0.9],
        }
    )
    figure = figures.reconstruction_errors({"Adam": table, "descent": table})
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["Adam", "descent"]
    drawn = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(np.asarray(drawn["any change of rank r"].get_xdata()), [10, 20])
    np.testing.assert_allclose(np.asarray(drawn["SSL"].get_ydata()), [0.9])


def test_matching_has_a_panel_for_each_layer_and_optimiser() -> None:
    found = [
        {
            "layer": f"block.{layer}",
            "form": form,
            "optimiser": by,
            "errors": [[1, 0.5], [1, 0.4]],
            "floor": 0.3,
        }
        for by in ("gd", "adam")
        for layer in ("q", "v", "o")
        for form in FORMS[:3]
    ]
    axes = figures.matching_paths(found).axes
    assert len(axes) == 6
    assert axes[0].get_title(loc="left") == "q, gradient descent"
    assert [len(axis.lines) for axis in axes] == [7] * 6
    np.testing.assert_allclose(np.asarray(axes[5].lines[-1].get_ydata()), 0.3)


def test_spectra_end_where_the_kernel_does() -> None:
    spectra = {form: np.array([1, 0.1, 1e-12]) for form in FORMS}
    left, right = figures.start_spectra(spectra, spectra, "q_proj").axes
    assert left.get_title(loc="left") == "q_proj"
    assert len(left.lines) == len(right.lines) == 4
    assert np.isnan(np.asarray(left.lines[0].get_ydata())[-1])


def test_patterns_are_drawn_beside_the_theory() -> None:
    factors = [{"a": 1.0, "b_norm": 0.0, "b_crossed": 0.0}, {"a": 0.5, "b_norm": 0.1, "b_crossed": 0.2}]
    figure = figures.pattern_paths([{"name": "LoRA", "factors": factors}], [0.1])
    assert [len(axis.lines) for axis in figure.axes] == [1, 2, 1]
    np.testing.assert_allclose(np.asarray(figure.axes[1].lines[1].get_xdata()), [1])


def test_the_map_has_a_panel_per_method_with_what_is_trained_in_colour() -> None:
    figure = decomposition_map()
    titles = [
        axis.get_title().split("\n")[0] or axis.get_title(loc="left").split("\n")[0] for axis in figure.axes
    ]
    assert titles == ["singular values", "IA3", "SSL", "SSB", "LoRA", "TriLoRA", "FLoRA", "DoRA"]
    colours = [{patch.get_edgecolor()[:3] for patch in axis.patches} for axis in figure.axes]
    assert all(len(each) == 2 for each in colours)
