"""Figures of LoRA's kernel as a random projection: its error by rank and by layer, and the error's law."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from scipy import stats

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PALETTE, PURPLE, RED, SKY

_DISTRIBUTIONS = {
    "gaussian": (BLUE, "o"),
    "uniform": (ORANGE, "s"),
    "signs": (GREEN, "^"),
    "sparse signs": (PURPLE, "D"),
    "orthonormal": (RED, "v"),
}
_BOUNDS = {
    "known": ("usual tail, 95 %", GREY, "-."),
    "tail": ("sharper tail, 95 %", SKY, "--"),
    "radius": ("from the exact variance, 95 %", "#222222", "-"),
    "deviation": ("largest standard deviation", "#222222", ":"),
}


def kernel_errors(errors: pd.DataFrame, bounds: pd.DataFrame) -> Figure:
    """Draw the error of LoRA's kernel against its rank, with what theory says of it.

    Args:
        errors: A row per draw: `distribution`, `rank`, `error`, `predicted` and `worst`.
        bounds: A row per rank: `rank`, and `known`, `tail`, `radius` and `deviation`, infinite where they say
            nothing.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 4.1))
    names = list(dict.fromkeys(errors.distribution))
    for number, name in enumerate(names):
        own = errors[errors.distribution == name]
        colour, marker = _DISTRIBUTIONS.get(name, (GREY, "o"))
        apart = own["rank"] * 1.07 ** (number - (len(names) - 1) / 2)  # side by side, not on one another
        expected = own.groupby("rank").predicted.first()
        left.plot(expected.index, expected, color=colour, linewidth=1.3)
        left.plot(apart, own.error, marker, color=colour, markersize=3.5, alpha=0.75, label=name)
        right.plot(apart, own.worst, marker, color=colour, markersize=3.5, alpha=0.75)
    for column, (label, colour, style) in _BOUNDS.items():
        told = bounds[np.isfinite(bounds[column].astype(float))]
        right.plot(told["rank"], told[column], style, color=colour, linewidth=1.6, label=label)
    left.set(title="whole kernel", ylabel="error over the kernel, Frobenius norms")
    right.set(title="worst entry", ylabel="largest error over the largest entry")
    ranks = sorted(set(errors["rank"]))
    _by_rank(left, ranks)
    _by_rank(right, sorted({*ranks, int(bounds["rank"].max())}))
    handles, labels = left.get_legend_handles_labels()
    more, titles = right.get_legend_handles_labels()
    figure.legend(
        handles + more, labels + titles, loc="outside lower center", ncols=5, fontsize=8.5, columnspacing=1.4
    )
    return figure


def layer_errors(layers: pd.DataFrame) -> Figure:
    """Draw the error of each layer's own kernel by its place in the model.

    Args:
        layers: A row per layer: its name `layer`, `block`, `kind`, measured `error` and `predicted`.
    """
    kinds = list(dict.fromkeys(layers.kind))
    looks = dict(zip(kinds, zip(cycle([*PALETTE, GREY]), cycle("osD^vPX"), strict=False), strict=False))
    groups = [[kind for kind in kinds if ("mlp" in _where(layers, kind)) == mlp] for mlp in (False, True)]
    groups = [group for group in groups if group]
    figure, axes = plt.subplots(1, len(groups), figsize=(4.6 * len(groups), 3.7), squeeze=False, sharey=True)
    for axis, group in zip(axes[0], groups, strict=True):
        for kind in group:
            own, (colour, marker) = layers[layers.kind == kind].sort_values("block"), looks[kind]
            axis.plot(own.block, own.predicted, color=colour, linewidth=1.3)
            axis.plot(own.block, own.error, marker, color=colour, markersize=5.5, label=kind)
        axis.set(xlabel="block, from the input to the output", ylim=(0, None))
        axis.set_title("MLP" if "mlp" in _where(layers, group[0]) else "attention")
        axis.grid(visible=True)
    axes[0, 0].set(ylabel="error over the layer's kernel", ylim=(0, 1.05 * max(layers.error.max(), 0.01)))
    figure.legend(loc="outside lower center", ncols=len(kinds), fontsize=8.5, columnspacing=1.2)
    return figure


def error_laws(laws: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw how errors over their standard deviation are distributed, a panel per rank.

    Args:
        laws: For each rank, `rank`, `edges` of bins and the `density` in each.
    """
    figure, axes = plt.subplots(1, len(laws), figsize=(3.1 * len(laws), 3.4), squeeze=False, sharey=True)
    for axis, law in zip(axes[0], laws, strict=True):
        rank, points = law["rank"], np.linspace(law["edges"][0], law["edges"][-1], 801)
        axis.stairs(law["density"], law["edges"], fill=True, color=SKY, alpha=0.7, label="measured")
        axis.plot(points, stats.norm.pdf(points), color="#222222", linewidth=1.5, label="normal law")
        outer = stats.chi2(rank, loc=-np.sqrt(rank / 2), scale=1 / np.sqrt(2 * rank)).pdf(points)
        axis.plot(points, outer, "--", color=RED, linewidth=1.5, label="chi-squared with r degrees")
        axis.set(title=f"rank {rank}", xlabel="error over its standard deviation", ylim=(0, 1.0))
        axis.grid(visible=True)
    axes[0, 0].set_ylabel("density over pairs, layers, draws")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _where(layers: pd.DataFrame, kind: str) -> str:
    return str(layers.layer[layers.kind == kind].iloc[0])


def _by_rank(axis: Axes, ranks: Sequence[int]) -> None:
    axis.set(xscale="log", yscale="log", xlabel="rank r")
    axis.set_xticks(list(ranks), [f"{rank:g}" for rank in ranks])
    axis.xaxis.minorticks_off()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(visible=True)
