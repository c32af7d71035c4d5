"""Figures of what the strength of the pull to the start does."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lintune.plots.style import BLUE, GREY, ORANGE, PALETTE, RED

_QUANTITIES = {
    "drift": ("drift bound", r"drift $\|\theta-\theta_0\|$"),
    "gap": ("gap bound", r"gap $\|\theta-\bar\theta\|$"),
    "kernel_change": ("kernel bound", r"kernel change $\|K-K_0\|$"),
}


def closeness(rows: pd.DataFrame, above: float) -> Figure:
    """Draw drift, gap and kernel change against the strength, and the bounds over them.

    Args:
        rows: Runs that fulfil the bounds' premise: `method`, `task`, `relative` strength, the three
            quantities and their bounds.
        above: From which relative strength on the thin lines of slope -1 and -2 are drawn.
    """
    figure, axes = plt.subplots(1, 3, figsize=(10.2, 3.5))
    colours = dict(zip(dict.fromkeys(rows.method), PALETTE, strict=False))
    markers = dict(zip(dict.fromkeys(rows.task), "os^Dv", strict=False))
    for axis, (quantity, (bound, label)) in zip(axes, _QUANTITIES.items(), strict=True):
        for (method, task), group in rows.sort_values("relative").groupby(["method", "task"], sort=False):
            style = {"color": colours[method], "linewidth": 1.0}
            axis.loglog(group.relative, group[bound], linestyle="--", alpha=0.55, **style)
            axis.loglog(group.relative, group[quantity], marker=markers[task], markersize=4.5, **style)
        axis.set(xlabel=r"strength $\lambda$ / largest eigenvalue", title=label)
        axis.grid(visible=True, which="major")
    for axis, slope in zip(axes[:2], (-1, -2), strict=True):
        _slope(axis, rows[rows.relative >= above], "drift" if slope == -1 else "gap", slope)
    _legend(figure, colours, markers)
    return figure


def accuracy_by_strength(rows: pd.DataFrame, classes: Mapping[str, int]) -> Figure:
    """Draw test accuracy against the strength, of real training and of its linear twin.

    Args:
        rows: Runs with `task`, `seed`, `method`, `relative`, `test_accuracy` and `twin_test_accuracy`.
        classes: Number of classes by task.
    """
    tasks = list(dict.fromkeys(rows.task))
    methods = list(dict.fromkeys(rows.method))
    figure, axes = plt.subplots(
        len(methods),
        len(tasks),
        figsize=(3.4 * len(tasks), 2.7 * len(methods)),
        squeeze=False,
        sharey="col",
        sharex=True,
    )
    for line, method in zip(axes, methods, strict=True):
        for axis, task in zip(line, tasks, strict=True):
            here = rows[(rows.method == method) & (rows.task == task)]
            for column, colour, name in (
                ("test_accuracy", BLUE, "real"),
                ("twin_test_accuracy", ORANGE, "linear twin"),
            ):
                axis.plot(here.relative, here[column], "o", color=colour, alpha=0.35, markersize=3.5)
                mean = here.groupby("relative")[column].mean()
                axis.plot(mean.index, mean, color=colour, label=name)
            axis.axhline(1 / classes[task], color=RED, linewidth=1, linestyle="--", label="chance")
            axis.set(xscale="log", title=f"{task}: {method}")
            axis.grid(visible=True, axis="y")
    for axis in axes[-1]:
        axis.set_xlabel(r"$\lambda$ / largest eigenvalue")
    for axis in axes[:, 0]:
        axis.set_ylabel("test accuracy")
    axes[0, 0].legend(fontsize=8)
    return figure


def _slope(axis: Axes, rows: pd.DataFrame, quantity: str, slope: int) -> None:
    """Draw a thin line of a slope under the measurements."""
    x = np.unique(rows.relative)
    if len(x) < 2:
        return
    y = 0.3 * rows[rows.relative == x[0]][quantity].min() * (x / x[0]) ** slope
    axis.loglog(x, y, color=GREY, linewidth=0.9, linestyle=":")
    axis.annotate(f"slope {slope}", (x[0], y[0]), fontsize=8, color=GREY, ha="right")


def _legend(figure: Figure, colours: Mapping[str, str], markers: Mapping[str, str]) -> None:
    lines = [Line2D([], [], color=colour, label=method) for method, colour in colours.items()]
    for task, marker in markers.items():
        lines.append(Line2D([], [], color=GREY, marker=marker, linestyle="", label=task))
    lines.append(Line2D([], [], color=GREY, linestyle="--", label="bound"))
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=8)
