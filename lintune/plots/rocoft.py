"""Figures of rows and columns beside the whole weight: distances, theory, and what they learn."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SEQUENTIAL, SKY

_DARK = "#222222"
_BROWN = "#8C510A"
_RULES = {
    "first": (BLUE, "o", "-"),
    "last": (SKY, "o", "--"),
    "even": (BLUE, "s", ":"),
    "random": (_DARK, "D", "-"),
    "largest": (ORANGE, "^", "-"),
    "smallest": (ORANGE, "v", ":"),
    "wanda": (GREEN, "^", "-"),
    "wanda, least": (GREEN, "v", ":"),
    "gradient": (RED, "^", "-"),
    "gradient, least": (RED, "v", ":"),
}
_KINDS = {
    "rows": (BLUE, "o"),
    "columns": (ORANGE, "s"),
    "entries": (_BROWN, "P"),
    "lora": (PURPLE, "D"),
    "full": (_DARK, "*"),
}
_TITLES = {
    "frobenius": "distance, Frobenius norm one",
    "centred": "distance, centred",
    "trace": "distance, same trace",
    "unbiased": "distance, times d/r",
    "none": "distance, as it is",
}


def rule_distances(
    distances: pd.DataFrame, chance: pd.DataFrame, by: Sequence[str] = ("frobenius", "centred")
) -> Figure:
    """Draw how far kernels of rows and of columns are from the whole, by rule and count.

    Args:
        distances: A row per choice: `kind`, `count`, `rule`, and a column per normalisation.
        chance: `rule` (`shuffled`, `constant`) and a column per normalisation.
        by: The normalisations, one row of panels each.
    """
    figure, axes = plt.subplots(
        len(by), 2, figsize=(9.2, 3.3 * len(by) + 0.7), squeeze=False, sharex=True, sharey="row"
    )
    for line, norm in zip(axes, by, strict=True):
        for axis, kind in zip(line, ("rows", "columns"), strict=True):
            _chance(axis, chance, norm)
            for other in ("entries", "lora"):
                _means(
                    axis, distances[distances.kind == other], norm, *_KINDS[other], "--", _label(other, "")
                )
            for rule, (colour, marker, style) in _RULES.items():
                own = distances[(distances.kind == kind) & (distances.rule == rule)]
                _means(axis, own, norm, colour, marker, style, rule)
            _by_count(axis, sorted(set(distances["count"])))
            axis.set(ylim=(0, None), title=kind if norm == by[0] else "")
        line[0].set_ylabel(_TITLES[norm])
    for axis in axes[-1]:
        axis.set_xlabel("how many of each weight")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8.5, columnspacing=1.3)
    return figure


def selection_theory(distances: pd.DataFrame, effects: pd.DataFrame, spectra: pd.DataFrame) -> Figure:
    """Draw random choices beside what theory says of them, the design effects, and the spectra.

    Args:
        distances: A row per choice: `kind`, `count`, `rule`, `unbiased` and `predicted`.
        effects: A row per layer and kind: `part`, `kind` and `all`.
        spectra: A row per eigenvalue: `kind`, `place` and `share`; one choice per kind.
    """
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.9), width_ratios=(1.15, 1, 1))
    drawn = distances[distances.rule == "random"]
    for number, (kind, own) in enumerate(drawn.groupby("kind", sort=False)):
        colour, marker = _KINDS[str(kind)]
        apart = own["count"] * 1.07 ** (number - 1.5)  # side by side, not on one another
        left.plot(apart, own.unbiased, marker, color=colour, markersize=4, alpha=0.7, label=kind)
        expected = own.groupby("count").predicted.first()
        left.plot(expected.index, expected, color=colour, linewidth=1.3)
    left.set(yscale="log", xlabel="how many of each weight", ylabel=_TITLES["unbiased"])
    left.set_title("random choices, and predicted")
    _by_count(left, sorted(set(drawn["count"])))
    left.legend(fontsize=8.5, ncols=2, columnspacing=1.0, handletextpad=0.3)
    parts = list(dict.fromkeys(effects.part))
    for shift, kind in ((-0.13, "rows"), (0.13, "columns")):
        own = effects[effects.kind == kind]
        places = [parts.index(part) + shift for part in own.part]
        middle.plot(own["all"], places, _KINDS[kind][1], color=_KINDS[kind][0], alpha=0.8, label=kind)
    middle.axvline(1, color=GREY, linewidth=1)
    middle.set(xscale="log", xlabel="variance over that of single entries", yticks=range(len(parts)))
    middle.set_yticklabels(parts)
    middle.invert_yaxis()
    middle.set_title("design effect by layer")
    middle.grid(visible=True)
    middle.legend(fontsize=8.5, handletextpad=0.3)
    for kind, own in spectra[spectra.share > 1e-12].groupby("kind", sort=False):
        colour, marker = _KINDS[str(kind)]
        right.plot(own.place, own.share, marker=marker, markersize=3, linewidth=1.2, color=colour, label=kind)
    right.set(xscale="log", yscale="log", xlabel="place of the eigenvalue", ylabel="share of the trace")
    right.xaxis.set_minor_formatter(NullFormatter())
    right.set_title("spectra")
    right.grid(visible=True)
    right.legend(fontsize=8.5)
    return figure


def layer_distances(layers: pd.DataFrame, by: str = "frobenius") -> Figure:
    """Draw the distance of single layers' kernels by rule and kind of layer, rows beside columns.

    Args:
        layers: A row per choice and layer: `kind`, `rule`, `part` and the normalisation's column.
        by: The normalisation.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.3), sharey=True)
    top = max(1.0, float(layers[by].max()))
    image = None
    for axis, kind in zip(axes, ("rows", "columns"), strict=True):
        own = layers[layers.kind == kind].pivot_table(index="rule", columns="part", values=by, sort=False)
        image = axis.imshow(own, cmap=SEQUENTIAL, vmin=0, vmax=top, aspect="auto")
        axis.set_xticks(range(own.shape[1]), own.columns, rotation=35, ha="right")
        axis.set_yticks(range(len(own)), own.index)
        axis.set_title(kind)
        axis.spines[:].set_visible(False)
        for (y, x), value in np.ndenumerate(own.to_numpy()):
            colour = "white" if value > 0.55 * top else _DARK
            axis.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7.5, color=colour)
    if image is not None:
        figure.colorbar(image, ax=axes, shrink=0.85, label=_TITLES[by])
    return figure


def scores_by_way(rows: pd.DataFrame, value: str = "score") -> Figure:
    """Draw the score of each way in each draw, one panel per task.

    Args:
        rows: A row per way and draw: `task`, `kind`, `rule` and the value. Kinds without a kernel or training
            (`majority`, `zero-shot`, `zero-shot, calibrated`) are lines.
        value: The column.
    """
    tasks = list(dict.fromkeys(rows.task))
    ways = rows[rows.kind.isin(list(_KINDS))]
    labels = list(dict.fromkeys(_label(kind, rule) for kind, rule in zip(ways.kind, ways.rule, strict=True)))
    figure, axes = plt.subplots(
        1,
        len(tasks),
        figsize=(4.6 * len(tasks) + 1, 0.27 * len(labels) + 1.6),
        squeeze=False,
        sharey=True,
    )
    for axis, task in zip(axes[0], tasks, strict=True):
        here = rows[rows.task == task]
        for kind, style in (("majority", ":"), ("zero-shot, calibrated", "--")):
            level = here[here.kind == kind][value].mean()
            if np.isfinite(level):
                axis.axvline(level, color=GREY, linestyle=style, linewidth=1.3, label=kind)
        for (kind, rule), own in here[here.kind.isin(list(_KINDS))].groupby(["kind", "rule"], sort=False):
            colour, marker = _KINDS[str(kind)]
            place = labels.index(_label(str(kind), str(rule)))
            draws = own.groupby("draw")[value].mean()
            axis.plot(draws, [place] * len(draws), marker, color=colour, markersize=3.5, alpha=0.5)
            axis.plot(draws.mean(), place, "|", color=colour, markersize=12, markeredgewidth=2.2)
        axis.set(title=task, xlabel=value, yticks=range(len(labels)), ylim=(len(labels) - 0.4, -0.6))
        axis.grid(visible=True, axis="x")
    axes[0, 0].set_yticklabels(labels)
    handles, names = axes[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def _label(kind: str, rule: str) -> str:
    if kind in ("rows", "columns"):
        return f"{kind}, {rule}"
    return {"full": "whole weights", "entries": "single entries", "lora": "LoRA"}[kind]


def _chance(axis: Axes, chance: pd.DataFrame, norm: str) -> None:
    """Draw the level of kernels that know nothing of the examples."""
    for rule, style, label in (("shuffled", "-.", "shuffled examples"), ("constant", ":", "constant kernel")):
        level = chance[chance.rule == rule][norm].mean()
        axis.axhline(level, color=GREY, linestyle=style, linewidth=1.6, label=label)


def _means(
    axis: Axes, own: pd.DataFrame, norm: str, colour: str, marker: str, style: str, label: str
) -> None:
    found = own.groupby("count")[norm].mean()
    axis.plot(
        found.index, found, style, marker=marker, color=colour, markersize=4, linewidth=1.3, label=label
    )


def _by_count(axis: Axes, counts: Sequence[int]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(list(counts), [f"{count:g}" for count in counts])
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.minorticks_off()
    axis.grid(visible=True)
