"""Figures of kernels that grow: eigenvalues, condition numbers and residuals beside their bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from lintune.plots.style import BLUE, GREY, ORANGE, SKY


def eigenvalue_bounds(additions: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the eigenvalues before and after one addition within their bounds, a panel per addition.

    Args:
        additions: By panel title: `before` and `after`, eigenvalues `(N,)`, and `weyl` and `relative`, each
            the lower and the upper bounds `(N,)` on `after`.
    """
    figure, axes = plt.subplots(1, len(additions), figsize=(4.1 * len(additions), 3.7), squeeze=False)
    for axis, (title, described) in zip(axes[0], additions.items(), strict=True):
        after = np.asarray(described["after"])
        rank = np.arange(1, len(after) + 1)
        axis.fill_between(
            rank, *map(np.asarray, described["weyl"]), color=SKY, alpha=0.35, lw=0, label="Weyl"
        )
        for bound, label in zip(described["relative"], ("relative", None), strict=True):
            axis.plot(rank, bound, color=ORANGE, linewidth=1.1, linestyle="--", label=label)
        axis.plot(rank, described["before"], color=GREY, linewidth=1.1, label="before")
        axis.plot(rank, after, color=BLUE, marker="o", markersize=2.4, linewidth=0, label="after")
        axis.set(title=title, xscale="log", yscale="log", xlabel="rank of the eigenvalue")
        smallest = min(np.min(after), np.min(np.asarray(described["before"])[after > 0]))
        if smallest > 0:
            axis.set_ylim(bottom=smallest / 2)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.grid(visible=True, which="major")
    axes[0, 0].set_ylabel("eigenvalue / mean of all layers'")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def condition_numbers(growths: Mapping[str, Mapping[str, Sequence[Mapping[str, float | None]]]]) -> Figure:
    """Draw condition numbers while a kernel grows block by block, with the bound from the last addition.

    Args:
        growths: By panel title, by order of growth, for each addition: the condition number `before` and
            `after` and the `mediant`; None where infinite, which leaves a gap.
    """
    figure, axes = plt.subplots(
        1, len(growths), figsize=(4.1 * len(growths), 3.4), squeeze=False, sharey=True
    )
    for axis, (title, orders) in zip(axes[0], growths.items(), strict=True):
        for (order, steps), colour, marker in zip(orders.items(), (BLUE, ORANGE), "os", strict=False):
            values = [steps[0]["before"], *(step["after"] for step in steps)]
            count = np.arange(1, len(values) + 1)
            axis.plot(
                count, _numbers(values), color=colour, marker=marker, markersize=3, linewidth=1.3, label=order
            )
            bounds = _numbers([step["mediant"] for step in steps])
            axis.scatter(count[1:], bounds, color=colour, marker="_", s=42, linewidth=1.2)
        axis.scatter([], [], color=GREY, marker="_", s=42, label="bound on the next")
        axis.set(title=title, yscale="log", xlabel="blocks trained")
        axis.grid(visible=True, which="major")
    axes[0, 0].set_ylabel("condition number")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def residual_bounds(growths: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw the ratio of ridge residuals at each addition, its range over all targets, and its bounds.

    Args:
        growths: By panel title, for each addition: `ratio`, and `range` and `bounds`, each a lower and an
            upper end.
    """
    figure, axes = plt.subplots(
        1, len(growths), figsize=(4.1 * len(growths), 3.5), squeeze=False, sharey=True
    )
    for axis, (title, steps) in zip(axes[0], growths.items(), strict=True):
        count = np.arange(2, len(steps) + 2)
        ends = {key: np.array([step[key] for step in steps]).T for key in ("bounds", "range")}
        axis.vlines(count, *ends["bounds"], color=ORANGE, linewidth=1.1, label="bounds")
        axis.vlines(count, *ends["range"], color=SKY, linewidth=3.6, label="all targets")
        axis.scatter(count, [step["ratio"] for step in steps], color=BLUE, s=11, zorder=3, label="the labels")
        axis.axhline(1, color=GREY, linewidth=0.9, linestyle=":")
        axis.set(title=title, yscale="log", xlabel="blocks trained after the addition")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("")
        axis.grid(visible=True, which="major", axis="y")
    axes[0, 0].set_ylabel("residual, after / before")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])
