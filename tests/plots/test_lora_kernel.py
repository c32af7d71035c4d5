"""Figures of LoRA's kernel hold what they were given."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import StepPatch

from lintune import plots


def lines(axis: Axes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in axis.lines
    }


def test_errors_stand_beside_what_is_predicted_and_bounds_only_where_they_say_something() -> None:
    errors = pd.DataFrame(
        {
            "distribution": ["gaussian", "gaussian", "signs", "signs"],
            "rank": [2, 8, 2, 8],
            "error": [0.5, 0.2, 0.4, 0.1],
            "predicted": [0.45, 0.22, 0.35, 0.12],
            "worst": [0.9, 0.3, 0.8, 0.2],
        }
    )
    bounds = pd.DataFrame(
        {
            "rank": [2, 8, 512],
            "known": [math.inf, math.inf, 0.5],
            "tail": [9.0, 3.0, 0.3],
            "radius": [4.0, 1.5, 0.1],
            "deviation": [0.6, 0.3, 0.05],
        }
    )
    left, right = plots.kernel_errors(errors, bounds).axes
    np.testing.assert_allclose(lines(left)["gaussian"][1], [0.5, 0.2])
    np.testing.assert_allclose(np.asarray(left.lines[0].get_ydata()), [0.45, 0.22])
    np.testing.assert_allclose(np.asarray(right.lines[1].get_ydata()), [0.8, 0.2])
    np.testing.assert_allclose(lines(right)["usual tail, 95 %"], ([512], [0.5]))
    np.testing.assert_allclose(lines(right)["sharper tail, 95 %"][1], [9.0, 3.0, 0.3])


def test_layers_have_a_panel_for_attention_and_one_for_the_mlp() -> None:
    layers = pd.DataFrame(
        {
            "layer": [f"layers.{b}.{part}" for b in (1, 0) for part in ("attn.q", "attn.v", "mlp.up")],
            "block": [1, 1, 1, 0, 0, 0],
            "kind": ["q", "v", "up"] * 2,
            "error": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "predicted": [0.15, 0.25, 0.35, 0.45, 0.55, 0.65],
        }
    )
    attention, mlp = plots.layer_errors(layers).axes
    assert {name for name in lines(attention) if not name.startswith("_")} == {"q", "v"}
    np.testing.assert_allclose(lines(attention)["v"], ([0, 1], [0.5, 0.2]))
    np.testing.assert_allclose(np.asarray(mlp.lines[0].get_ydata()), [0.65, 0.35])
    only = plots.layer_errors(layers[layers.kind == "up"])
    assert [axis.get_title(loc="left") for axis in only.axes] == ["MLP"]


def test_laws_have_a_panel_per_rank() -> None:
    edges, density = np.linspace(-4, 4, 5), np.array([0.1, 0.2, 0.15, 0.05])
    figure = plots.error_laws([{"rank": rank, "edges": edges, "density": density} for rank in (2, 64)])
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["rank 2", "rank 64"]
    for axis in figure.axes:
        (steps,) = [patch for patch in axis.patches if isinstance(patch, StepPatch)]
        np.testing.assert_allclose(steps.get_data()[0], density)
        np.testing.assert_allclose(np.max(lines(axis)["normal law"][1]), 0.3989, rtol=1e-3)
    points, law = lines(figure.axes[1])["chi-squared with r degrees"]
    mean = (points * law).sum() / law.sum()
    np.testing.assert_allclose([mean, (points**2 * law).sum() / law.sum()], [0, 1], atol=0.01)
