"""Figures of rows and columns hold what they were given."""

import numpy as np
import pandas as pd

from lintune.plots import rocoft

NORMS = {"frobenius": 0.3, "centred": 0.6, "unbiased": 0.9}


def table() -> pd.DataFrame:
    ways = [(kind, rule) for kind in ("rows", "columns") for rule in ("first", "random")]
    ways += [("entries", "random"), ("lora", "random")]
    return pd.DataFrame(
        [
            {"kind": kind, "count": count, "rule": rule, "seed": 0, "predicted": 1.1, **NORMS}
            for kind, rule in ways
            for count in (1, 3)
        ]
    )


def test_rules_stand_beside_chance() -> None:
    chance = pd.DataFrame({"rule": ["shuffled", "constant"], "frobenius": [0.2, 0.1], "centred": [0.8, 1.4]})
    axes = rocoft.rule_distances(table(), chance).axes
    assert len(axes) == 4
    for axis, value, level in zip(axes, (0.3, 0.3, 0.6, 0.6), (0.2, 0.2, 0.8, 0.8), strict=True):
        lines = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axis.lines}
        assert {"first", "random", "single entries", "LoRA"} <= set(lines)
        np.testing.assert_allclose(lines["first"], value)
        np.testing.assert_allclose(lines["shuffled examples"], level)


def test_theory_has_dots_and_lines_effects_and_spectra() -> None:
    effects = pd.DataFrame({"part": ["q", "q"], "kind": ["rows", "columns"], "all": [2.0, 9.0]})
    spectra = pd.DataFrame({"kind": ["full"] * 2, "place": [1, 2], "share": [0.9, 0.1]})
    left, middle, right = rocoft.selection_theory(table(), effects, spectra).axes
    np.testing.assert_allclose(np.asarray(left.lines[0].get_ydata()), 0.9)
    np.testing.assert_allclose(np.asarray(left.lines[1].get_ydata()), 1.1)
    np.testing.assert_allclose(np.asarray(middle.lines[1].get_xdata()), [9.0])
    np.testing.assert_allclose(np.asarray(right.lines[0].get_ydata()), [0.9, 0.1])


def test_layers_are_cells() -> None:
    layers = pd.DataFrame(
        [
            {"kind": kind, "rule": rule, "part": part, "frobenius": 0.25}
            for kind in ("rows", "columns")
            for rule in ("first", "last")
            for part in ("q", "v", "up")
        ]
    )
    left, right, _bar = rocoft.layer_distances(layers).axes
    assert len(left.texts) == len(right.texts) == 6
    assert {text.get_text() for text in left.texts} == {"0.25"}


def test_scores_have_a_place_for_each_way_and_lines_for_the_rest() -> None:
    rows = pd.DataFrame(
        [
            {"task": task, "kind": kind, "rule": rule, "draw": draw, "score": 0.5 + 0.1 * draw}
            for task in ("a", "b")
            for kind, rule in (("full", "all"), ("rows", "first"), ("majority", "none"))
            for draw in (0, 1)
        ]
    )
    figure = rocoft.scores_by_way(rows)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["a", "b"]
    first = figure.axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == ["whole weights", "rows, first"]
    np.testing.assert_allclose(np.asarray(first.lines[1].get_xdata()), [0.5, 0.6])
    np.testing.assert_allclose(np.asarray(first.lines[0].get_xdata()), 0.55)
