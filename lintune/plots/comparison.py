"""Figures of many methods side by side: spectra, what was foretold, what they cost and reach, differences."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY)
_MARKERS = "os^Dv"
_DASHES = ("-", "--", ":", "-.", (0, (1, 3)), (0, (6, 2, 1, 2, 1, 2)))


def method_spectra(
    spectra: Mapping[str, Sequence[float]], families: Mapping[str, str], beside: str
) -> Figure:
    """Draw the eigenvalues of many kernels over their sum: a panel per family, one method in each.

    Args:
        spectra: Eigenvalues, descending, by method.
        families: Family by method; panels are in the order of their first member.
        beside: The method that is drawn in every panel, in grey.
    """
    titles = list(dict.fromkeys(families[name] for name in spectra))
    figure, axes = plt.subplots(
        1, len(titles), figsize=(2.75 * len(titles) + 0.5, 3.9), sharey=True, squeeze=False
    )
    for axis, title, colour in zip(axes[0], titles, _cycled(_COLOURS, len(titles)), strict=True):
        _spectrum(axis, spectra[beside], beside, color=GREY, linewidth=3.2, alpha=0.5)
        members = [name for name in spectra if families[name] == title and name != beside]
        for name, dashes in zip(members, _cycled(_DASHES, len(members)), strict=True):
            _spectrum(axis, spectra[name], name, color=colour, linestyle=dashes, linewidth=1.4)
        axis.set_title(_folded(title), fontsize=9)
        axis.set_xlabel("rank of the eigenvalue")
        axis.grid(visible=True, which="major")
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    axes[0, 0].set_ylabel("share of the trace")
    return figure


def foretold_and_learnt(
    reference: pd.DataFrame,
    own: pd.DataFrame,
    families: Mapping[str, str],
    axes_of: Mapping[str, tuple[str, str]],
) -> Figure:
    """Draw what training reached against what the kernel said: a row per pair of columns, a panel per task.

    Args:
        reference: A row per method, draw and task, with `title` of the task, `method` and the columns; of
            several draws the means are drawn.
        own: The same of a smaller run, drawn hollow.
        families: Family by method; others are drawn in grey.
        axes_of: By column on the horizontal axis, the column on the vertical one and its label.
    """
    titles = list(dict.fromkeys(reference.title))
    figure, panels = plt.subplots(
        len(axes_of),
        len(titles),
        figsize=(2.45 * len(titles) + 0.8, 2.3 * len(axes_of) + 0.8),
        squeeze=False,
    )
    names = list(dict.fromkeys(families.values()))
    for line, (across, (up, label)) in zip(panels, axes_of.items(), strict=True):
        for axis, title in zip(line, titles, strict=True):
            for table, hollow in ((reference, False), (own, True)):
                mine = table[table.title == title] if len(table) else table
                for name, place in mine.groupby("method", sort=False)[[across, up]].mean().iterrows():
                    _dot(axis, place[across], place[up], names, families.get(str(name)), hollow)
            axis.set_xlabel(across)
            axis.grid(visible=True)
        line[0].set_ylabel(label)
    for axis, title in zip(panels[0], titles, strict=True):
        axis.set_title(title)
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=5, label=name)
        for name, colour, marker in zip(
            names, _cycled(_COLOURS, len(names)), _cycled(_MARKERS, len(names)), strict=True
        )
    ]
    if len(own):
        hollow_style: dict[str, Any] = {"markerfacecolor": "none", "linestyle": "none", "markersize": 6.5}
        handles.append(Line2D([], [], color="#444444", marker="o", label="this machine", **hollow_style))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)), fontsize=8)
    return figure


def fair_comparison(table: pd.DataFrame, levels: Mapping[str, float], base: str) -> Figure:
    """Draw what methods reach and cost: a row per method, in the order of the test loss.

    Args:
        table: By method: `test_score` and `test_loss`, each with ` low` and ` high`; `relative` seconds,
            `peak_bytes`, `parameters`; columns without any number are left out.
        levels: Scores that ask no training, by name; drawn as lines in the first panel.
        base: The method that is marked by lines.
    """
    ordered = table.sort_values("test_loss", ascending=False)
    shown = {
        "test_score": ("test score", 1.0, "linear"),
        "test_loss": ("test cross-entropy", 1.0, "linear"),
        "relative": (f"time of a step / {base}'s", 1.0, "linear"),
        "peak_bytes": ("memory (MB)", 1e-6, "log"),
        "parameters": ("trained parameters", 1.0, "log"),
    }
    shown = {name: value for name, value in shown.items() if ordered[name].notna().any()}
    figure, axes = plt.subplots(
        1,
        len(shown),
        figsize=(1.85 * len(shown) + 1.6, 0.27 * len(ordered) + 1.5),
        sharey=True,
        squeeze=False,
    )
    places = np.arange(len(ordered))
    for axis, (column, (label, unit, scale)) in zip(axes[0], shown.items(), strict=True):
        values = ordered[column].astype(float) * unit
        if f"{column} low" in ordered:
            axis.hlines(
                places, ordered[f"{column} low"], ordered[f"{column} high"], color=BLUE, linewidth=1.4
            )
        axis.plot(values, places, "o", color=BLUE, markersize=4.5)
        if base in values.index:
            axis.axvline(values[base], color=GREY, linewidth=0.8)
        axis.set(xscale=scale, xlabel=label)
        if scale == "log":
            _plain_numbers(axis.xaxis, values)
        axis.grid(visible=True, axis="both", linewidth=0.5)
        axis.tick_params(axis="y", length=0)
    for (name, level), style in zip(levels.items(), _cycled((":", "--", "-."), len(levels)), strict=True):
        axes[0, 0].axvline(level, color=RED, linestyle=style, linewidth=1, label=name)
    if levels:
        figure.legend(
            *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8
        )
    axes[0, 0].set_yticks(places, ordered.index)
    return figure


def differences(table: pd.DataFrame, label: str, good: int) -> Figure:
    """Draw differences with their intervals, the first row on top.

    Args:
        table: A row per comparison: `name`, `difference`, `low`, `high`, `verdict`.
        label: What the differences are of.
        good: The sign that is good; that side is shaded.
    """
    figure, axis = plt.subplots(figsize=(6.4, 0.27 * len(table) + 1.1))
    told = {name: number for number, name in enumerate(dict.fromkeys(table.verdict))}
    colours = dict(zip(told, _cycled((BLUE, RED, GREY, ORANGE), len(told)), strict=True))
    colours["no clear difference"] = GREY
    numbers = table[["low", "difference", "high"]].to_numpy(dtype=float)
    for place, (verdict, (low, middle, high)) in enumerate(zip(table.verdict, numbers, strict=True)):
        axis.plot([low, high], [place, place], color=colours[verdict], linewidth=1.6)
        axis.plot([middle], [place], "o", color=colours[verdict], markersize=5)
    axis.axvline(0, color="#444444", linewidth=0.9)
    reach = axis.get_xlim()
    axis.axvspan(0, reach[1] if good > 0 else reach[0], color="#EAF3F8", zorder=0)
    axis.set_xlim(*reach)
    axis.set_yticks(range(len(table)), table["name"])
    axis.set_ylim(len(table) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=True, axis="x")
    handles = [
        Line2D([], [], color=colours[name], marker="o", linewidth=1.6, markersize=5, label=name)
        for name in told
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8)
    return figure


def _spectrum(axis: Axes, values: Sequence[float], name: str, **look: Any) -> None:
    shares = np.asarray(values, dtype=float)
    shares = shares[shares > 1e-6 * shares.sum()] / shares.sum()
    axis.loglog(np.arange(1, len(shares) + 1), shares, label=name, **look)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(NullFormatter())


def _dot(
    axis: Axes, across: float, up: float, names: Sequence[str], family: str | None, hollow: bool
) -> None:
    place = names.index(family) if family in names else None
    colour = GREY if place is None else _COLOURS[place % len(_COLOURS)]
    marker = "x" if place is None else _MARKERS[place % len(_MARKERS)]
    look: dict[str, Any] = {"markersize": 6.5, "markerfacecolor": "none"} if hollow else {"markersize": 5}
    axis.plot([across], [up], marker, color=colour, linestyle="none", **look)


def _plain_numbers(axis: Axis, values: pd.Series) -> None:
    """Mark a logarithmic axis in plain numbers where it is short."""
    axis.set_minor_formatter(NullFormatter())
    if values.max() < 100 * values.min():
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
        axis.set_major_formatter("{x:,g}")


def _folded(title: str) -> str:
    """Break a title at its first comma."""
    return title.replace(", ", ",\n", 1)


def _cycled(values: Sequence[Any], count: int) -> list[Any]:
    return [values[place % len(values)] for place in range(count)]
