"""Figures of staying near: drift and its bounds, what anchors do to LoRA's A, and how steep a ball is."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PALETTE, PURPLE, RED


def pulled_drifts(found: Mapping[str, Any]) -> Figure:
    """Draw the drift over time, and at the end against the strength, with the bounds for the pull always on.

    Args:
        found: `start` with `largest`, the first eigenvalue l_1; `none`, a run; `always` and `selective`, a
            run per strength. A run has `relative` (lambda / l_1), `time` and `drift` `(steps + 1,)`, and
            if always on also `from_loss` and `from_slope`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6))
    _over_time(left, found)
    relative = [run["relative"] for run in found["always"]]
    for kind, colour, marker in (("always", BLUE, "o"), ("selective", ORANGE, "s")):
        ends = [run["drift"][-1] for run in found[kind]]
        right.plot(relative, ends, marker=marker, markersize=5, color=colour, label=f"{kind}, measured")
    right.axhline(
        found["none"]["drift"][-1], color=GREY, linestyle=":", linewidth=1, label="no pull, measured"
    )
    for key, label, style in (
        ("from_loss", "bound for always: √(2R₀/λ)", "--"),
        ("from_slope", "bound for always: G√(2R₀)/λ", "-."),
    ):
        bounds = [run[key] for run in found["always"]]
        right.plot(relative, bounds, color=GREEN, linestyle=style, linewidth=1.3, label=label)
    right.set(
        xscale="log", yscale="log", xlabel="pull λ / l₁", ylabel="drift at the end", title="against the pull"
    )
    right.legend(fontsize=7.5, loc="lower left")
    for axis in (left, right):
        axis.grid(visible=True)
    return figure


def _over_time(axis: Axes, found: Mapping[str, Any]) -> None:
    unit = 1 / found["start"]["largest"]
    for place, (run, other) in enumerate(zip(found["always"], found["selective"], strict=True)):
        colour = PALETTE[place % len(PALETTE)]
        axis.plot(np.asarray(run["time"]) / unit, run["drift"], color=colour, label=f"{run['relative']:g}")
        axis.plot(
            np.asarray(other["time"]) / unit,
            other["drift"],
            "o",
            markersize=3.5,
            markerfacecolor="none",
            color=colour,
        )
    none = found["none"]
    axis.plot(np.asarray(none["time"]) / unit, none["drift"], color=GREY, linestyle=":", label="no pull")
    axis.plot([], [], "o", markersize=3.5, markerfacecolor="none", color=GREY, label="selective")
    axis.set(xlabel="time: steps × step size, in 1 / l₁", ylabel="drift from the start", title="over time")
    axis.set_ylim(top=1.5 * max(none["drift"]))
    axis.legend(
        fontsize=7.5, title="lines: pull always on, λ / l₁", title_fontsize=7.5, ncols=3, loc="upper left"
    )


def anchors(runs: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw the norm of LoRA's A and its distance from where it was drawn, over steps.

    Args:
        runs: By name of the way to train: `step`, `size` ||A|| and `moved` ||A - A_0||, `(steps + 1,)`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.4))
    colours = (GREY, BLUE, ORANGE, GREEN, RED, PURPLE)
    for (name, run), colour in zip(runs.items(), colours, strict=False):
        start = run["size"][0]
        style = "--" if "zero" in name else "-"
        for axis, key in ((left, "size"), (right, "moved")):
            values = np.asarray(run[key]) / start
            axis.plot(run["step"], values, color=colour, linestyle=style, linewidth=1.5, label=name)
    left.set(title="norm of A", ylabel="‖A‖ / ‖A₀‖", xlabel="step", ylim=(0, None))
    right.set(title="distance of A from its draw", ylabel="‖A − A₀‖ / ‖A₀‖", xlabel="step", ylim=(0, None))
    for axis in (left, right):
        axis.grid(visible=True)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def steepness(lipschitz: Mapping[str, Sequence[float]], bending: Mapping[str, Sequence[Any]]) -> Figure:
    """Draw Lipschitz estimates against the radius, and curvature along random ways and that of training.

    Args:
        lipschitz: `radius`, `average`, `least`, `largest` and `upper`, `(R,)`.
        bending: `direction`, `radius` and `curvature` of each measurement; the direction of training is
            `training`, and the row of the start has none.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.4))
    found, bent = pd.DataFrame(lipschitz), pd.DataFrame(bending)
    left.fill_between(
        found.radius, found.least, found.largest, color=BLUE, alpha=0.15, lw=0, label="single models"
    )
    left.plot(found.radius, found.average, "o-", color=BLUE, markersize=4, label="average at r")
    left.plot(found.radius, found.upper, "s--", color=RED, markersize=4, label="upper up to r")
    left.set_xscale("symlog", linthresh=1)
    left.set_xlim(left=-0.1)
    left.set(title="in the input", ylabel="largest slope over pairs of texts")
    left.legend(fontsize=8)
    ways = bent[bent.direction != ""]
    for direction, way in ways.groupby("direction", sort=False):
        along = direction == "training"
        right.plot(
            way.radius,
            way.curvature,
            "o-",
            markersize=4,
            color=ORANGE if along else GREY,
            linewidth=1.8 if along else 1,
            label="way of training" if along else ("random" if direction == "random 0" else None),
        )
    right.set(xscale="log", yscale="log", title="in the parameters", ylabel="‖J − J₀‖ / r")
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(visible=True)
        axis.set_xlabel("radius r / drift of the run without a pull")
    return figure
