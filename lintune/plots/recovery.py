"""Figures of what recovery costs: steps against d, k and xi, from scratch, and what lies in the span."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PALETTE, RED

_MARKERS = ("o", "s", "^", "D", "v", "P")


def power_laws(
    panels: Mapping[str, Mapping[str, pd.DataFrame]],
    fits: Mapping[str, Mapping[str, Any]],
    x: str,
    label: str,
    dashed: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Draw numbers of steps against x on log-log axes: dots are instances, lines fits.

    Args:
        panels: By panel title and name of the curve, rows with columns `x` and `steps` (NaN: censored).
        fits: Likewise the fitted `Exponent` of each.
        x: Column of the abscissa.
        label: Its axis label.
        dashed: Likewise slopes of bounds, drawn through the middle of a fit's left end.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 3.7), squeeze=False)
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for place, (name, rows) in enumerate(curves.items()):
            fit, colour = fits[title][name], PALETTE[place % len(PALETTE)]
            at = np.unique(rows[x].to_numpy(dtype=float))
            shift = 1.04 ** (place - (len(curves) - 1) / 2)
            axis.plot(rows[x] * shift, rows.steps.clip(lower=1), ".", color=colour, alpha=0.3, markersize=4)
            axis.plot(at, fit.at(at), color=colour, label=f"{name}: {fit.value:.2f}")
            if dashed and name in dashed.get(title, {}):
                bound = fit.at(at[:1])[0] * (at / at[0]) ** dashed[title][name]
                axis.plot(at, bound, ":", color=colour, linewidth=1.2)
        _log_axis(axis, sorted({float(v) for rows in curves.values() for v in rows[x]}))
        axis.set(title=title, xlabel=label, ylabel="steps")
        axis.legend(fontsize=8, title="exponent", title_fontsize=8)
    return figure


def collapse(table: pd.DataFrame, level: float) -> Figure:
    """Draw every run's steps to weak recovery against d V / (factor h(0)^2).

    Args:
        table: Rows of a sweep with `unit`, `weak` and `group`, the name of the curve it belongs to.
        level: The middle of steps over units.
    """
    figure, axis = plt.subplots(figsize=(5.2, 4.0))
    for place, (name, rows) in enumerate(table.groupby("group", sort=False)):
        axis.plot(
            rows.unit,
            rows.weak.clip(lower=1),
            _MARKERS[place % len(_MARKERS)],
            color=PALETTE[place % len(PALETTE)],
            alpha=0.35,
            markersize=3.5,
            label=str(name),
        )
    ends = np.array([table.unit.min(), table.unit.max()])
    axis.plot(ends, level * ends, color=GREY, linewidth=1.2, label=f"{level:.2f} times")
    _log_log(axis)
    axis.set(xlabel="$d\\,V/(\\delta\\,h(0)^2)$", ylabel="steps to weak recovery")
    axis.legend(fontsize=8)
    return figure


def crossover(table: pd.DataFrame, level: float) -> Figure:
    """Draw steps against xi over sqrt(k), and in units of what h(0) alone would take.

    Args:
        table: Rows with `ratio`, `dimension`, `unit` and `steps` (NaN: censored).
        level: Steps over units where h(0) alone decides.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.7))
    for place, dimension in enumerate(np.unique(table.dimension.to_numpy())):
        rows = table[table.dimension == dimension]
        colour, by = PALETTE[place % len(PALETTE)], rows.groupby("ratio")
        means, alone = by.steps.agg(_middle), level * by.unit.median()
        left.plot(rows.ratio * 1.02**place, rows.steps.clip(lower=1), ".", color=colour, alpha=0.3)
        left.plot(means.index, means, "-", color=colour, label=f"d = {dimension}")
        left.plot(alone.index, alone, ":", color=colour, linewidth=1.2)
        shares = rows.assign(share=rows.steps / rows.unit).groupby("ratio").share.agg(_middle)
        right.plot(shares.index / float(dimension) ** 0.25, shares, "o-", color=colour, markersize=4)
    _log_axis(left, sorted(table.ratio.unique()))
    left.set(xlabel="$\\xi/\\sqrt{k}$", ylabel="steps to weak recovery", title="cost (dotted: if h(0) alone)")
    left.legend(fontsize=8)
    right.axhline(level, color=GREY, linewidth=0.9, linestyle=":")
    right.axvline(1, color=GREY, linewidth=0.9, linestyle=":")
    _log_log(right)
    right.set(
        xlabel="$\\xi/(\\sqrt{k}\\,d^{1/4})$",
        ylabel="steps $\\cdot\\,\\delta h(0)^2/(dV)$",
        title="in units of h(0)'s time",
    )
    return figure


def overlaps(panels: Mapping[str, Mapping[str, np.ndarray]], steps: Sequence[int]) -> Figure:
    """Draw overlaps over steps: a panel each, a curve per name, thin lines for instances.

    Args:
        panels: By panel title and curve, `(I, S)` overlaps.
        steps: `(S,)`.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 3.5), squeeze=False, sharey=True)
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for place, (name, found) in enumerate(curves.items()):
            colour = PALETTE[place % len(PALETTE)]
            if len(found) > 1:
                axis.plot(steps, found.T, color=colour, linewidth=0.6, alpha=0.35)
            axis.plot(steps, np.median(found, axis=0), color=colour, label=name)
        axis.set(title=title, xlabel="step", ylim=(0, 1.02))
        axis.locator_params(axis="x", nbins=5)
        axis.grid(visible=True)
        axis.legend(fontsize=8, loc="lower right")
    axes[0, 0].set_ylabel("$|\\langle u,\\hat u\\rangle|$")
    return figure


def optima(panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw the loss over the angle of u^ in the plane of one row and u, and where descent ends.

    Args:
        panels: By title: `angles` and `loss` `(A,)`, `teacher` and `second`, angles of the optima, and `ends`
            `(I,)`, angles at which runs ended. Angles in radians, drawn in degrees.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 3.5), squeeze=False)
    for axis, (title, each) in zip(axes[0], panels.items(), strict=True):
        axis.plot(np.degrees(each["angles"]), each["loss"], color=BLUE, label="loss")
        for name, colour in (("teacher", GREEN), ("second", RED)):
            label = "u" if name == "teacher" else "the other optimum"
            axis.axvline(
                float(np.degrees(each[name])), color=colour, linestyle="--", linewidth=1.2, label=label
            )
        ends = np.degrees(each["ends"])
        axis.plot(
            ends,
            np.zeros_like(ends),
            "|",
            color=ORANGE,
            markersize=14,
            markeredgewidth=1.5,
            label="descent ends",
        )
        axis.set(title=title, xlabel="angle of $\\hat u$ to the row (degrees)", ylabel="loss")
        axis.grid(visible=True)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), fontsize=8, loc="outside right upper")
    return figure


def feature_errors(table: pd.DataFrame) -> Figure:
    """Draw what a linear model over theorem 36's features leaves, against how far u^ is from u.

    Args:
        table: Rows with `gap` (1 - |<u, u^>|), `activation`, `left` (least error over the features) and
            `limit`, the same by the theorem with its constant at 1.
    """
    figure, axis = plt.subplots(figsize=(5.2, 3.8))
    for place, (name, rows) in enumerate(table.groupby("activation", sort=False)):
        colour = PALETTE[place % len(PALETTE)]
        middle = rows.groupby("gap").left.median()
        axis.plot(rows.gap, rows.left, ".", color=colour, alpha=0.25, markersize=4)
        axis.plot(middle.index, middle, color=colour, label=str(name))
    limit = table.groupby("gap").limit.median()
    axis.plot(limit.index, limit, "--", color=GREY, label="theorem 36, constant 1")
    _log_log(axis)
    axis.set(xlabel="$1-|\\langle u,\\hat u\\rangle|$", ylabel="error left")
    axis.legend(fontsize=8)
    return figure


def _middle(values: pd.Series) -> float:
    """Return the median, counting what is censored as longer than all else; NaN where it is censored."""
    found = float(np.median(values.fillna(np.inf)))
    return found if np.isfinite(found) else float("nan")


def _log_log(axis: Axes) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.grid(visible=True)


def _log_axis(axis: Axes, ticks: Sequence[float]) -> None:
    _log_log(axis)
    axis.set_xticks(list(ticks), [f"{tick:.3g}" for tick in ticks])
    axis.minorticks_off()
