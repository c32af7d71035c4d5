"""Figures of LoRA's coordinates: its kernel as a projection, its linear twins, and the dial alpha / r."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE

_WAYS = {
    "factors": ("linear in (A, B)", ORANGE, "-"),
    "held": ("LoRA, A held", GREEN, "--"),
    "product": ("linear in the product", BLUE, "-"),
}


def projection_errors(table: pd.DataFrame) -> Figure:
    """Draw how far LoRA's kernel is from the one that it projects, by rank.

    Args:
        table: A row per draw of A: `rank` and `error`.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.3))
    means = table.groupby("rank").error.mean()
    ranks = np.array(means.index, dtype=float)
    axis.plot(table["rank"], table.error, "o", color=BLUE, markersize=4, alpha=0.6, label="one draw of A")
    axis.plot(ranks, means, color=BLUE, label="mean")
    middle = float(np.exp(np.log(means * np.sqrt(ranks)).mean()))
    axis.plot(ranks, middle / np.sqrt(ranks), ":", color=GREY, label="slope of 1/√r")
    axis.set(xscale="log", yscale="log", xlabel="rank r", ylabel="relative error of the kernel")
    axis.set_xticks(ranks, [f"{rank:g}" for rank in ranks])
    axis.xaxis.minorticks_off()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("")
    axis.grid(visible=True)
    axis.legend()
    return figure


def lora_gaps(races: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw how far real LoRA's outputs are from each relative's over steps, a panel per alpha.

    Args:
        races: Of each run: `alpha`; `moved` `(T,)`, how far LoRA's outputs are from their start; and `gap`
            `(T,)` by way. Runs of the same alpha share a panel.
    """
    alphas = sorted({found["alpha"] for found in races})
    figure, axes = plt.subplots(
        1, len(alphas), figsize=(3.0 * len(alphas) + 0.6, 3.3), squeeze=False, sharey=True
    )
    for axis, alpha in zip(axes[0], alphas, strict=True):
        here = [found for found in races if found["alpha"] == alpha]
        for way, (label, colour, style) in _WAYS.items():
            for number, found in enumerate(here):
                shares = np.array(found["gap"][way])[1:] / found["moved"][-1]
                axis.plot(
                    np.arange(1, len(shares) + 1),
                    np.where(shares > 0, shares, np.nan),
                    style,
                    color=colour,
                    linewidth=1.4,
                    label=None if number else label,
                )
        axis.set(title=f"alpha {alpha:g}", yscale="log", xlabel="step of gradient descent")
        axis.set_ylim(bottom=1e-4)
        axis.grid(visible=True)
    axes[0, 0].set_ylabel("distance from LoRA's outputs")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def lora_dial(table: pd.DataFrame, rank: int) -> Figure:
    """Draw what the scale alpha / r does to the kernel's change and to the distance from each relative.

    Args:
        table: A row per run: `alpha`; `drift` and `a_half` of the kernel; gaps by way.
        rank: Rank r.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.3))
    scale = table.alpha / rank
    kinds = {
        "drift": ("change of the kernel", PURPLE, "s"),
        "a_half": ("kernel of A", GREY, "^"),
    }
    for column, (label, colour, marker) in kinds.items():
        left.plot(scale, table[column], marker, color=colour, markersize=5, alpha=0.8, label=label)
    ends = np.array([scale.min(), scale.max()])
    anchor = table.a_half[table.alpha == table.alpha.max()].mean()
    left.plot(ends, anchor * (ends[1] / ends) ** 2, ":", color=GREY, label="slope of 1/s²")
    left.set(title="LoRA's kernel", ylabel="over the kernel at the start")
    for way, (label, colour, _) in _WAYS.items():
        marker = {"factors": "o", "held": "x", "product": "o"}[way]
        right.plot(scale, table[way], marker, color=colour, markersize=5, alpha=0.8, label=label)
    right.set(title="LoRA's outputs", ylabel="distance from LoRA's outputs")
    for axis in (left, right):
        axis.set(xscale="log", yscale="log", xlabel="scale s = alpha / r")
        axis.set_xticks(sorted(set(scale)), [f"{value:g}" for value in sorted(set(scale))])
        axis.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axis.grid(visible=True)
        axis.legend(fontsize=8)
    return figure
