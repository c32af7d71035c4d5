"""Figures of kernel behaviour: kernels, linearised models and networks on the same draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, RED

_FUNCTIONS = {"prompt": (BLUE, "o", -0.16), "fresh head": (ORANGE, "s", 0.16)}
_WAYS = {"linearised": (ORANGE, "s", -0.26), "fine-tuned": (BLUE, "o", 0.0), "kernel": (GREEN, "D", 0.26)}
_LEVELS: dict[str, tuple[str, Any]] = {
    "chance": (RED, "--"),
    "majority": (GREY, ":"),
    "zero-shot, calibrated": (GREY, "-."),
}
_NAMES = {"sgd": "SGD", "signgd": "SignGD", "adam": "Adam"}


def by_function(reference: pd.DataFrame, own: pd.DataFrame, columns: Mapping[str, str]) -> Figure:
    """Draw numbers of draws with and without a prompt: a panel per number, a row per task.

    Args:
        reference: A row per task, function (`prompt`, `fresh head`) and draw: `title` and the numbers.
            Every draw is a dot, a bar stands at their median.
        own: The same of a smaller run, drawn as hollow markers; tasks that the reference lacks are left out.
        columns: What to write under the panel, by the name of the column.
    """
    titles = list(dict.fromkeys(reference.title))
    figure, axes = plt.subplots(
        1,
        len(columns),
        figsize=(2.5 * len(columns) + 1.6, 0.55 * len(titles) + 1.3),
        sharey=True,
        squeeze=False,
    )
    for axis, (column, label) in zip(axes[0], columns.items(), strict=True):
        for function, (colour, marker, shift) in _FUNCTIONS.items():
            for table, hollow in ((reference, False), (own, True)):
                mine = table[(table.function == function) & table.title.isin(titles)]
                places = np.array([titles.index(title) for title in mine.title]) + shift
                _dots(axis, mine[column], places, colour, marker, hollow)
            medians = reference[reference.function == function].groupby("title")[column].median()
            for title, median in medians.items():
                place = titles.index(str(title)) + shift
                axis.plot([median] * 2, [place - 0.15, place + 0.15], color=colour, linewidth=2.6)
        axis.axvline(0, color=GREY, linewidth=0.8)
        axis.set_xlabel(label)
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(titles)), titles)
    axes[0, 0].set_ylim(len(titles) - 0.5, -0.5)
    _key(figure, {name: (colour, marker) for name, (colour, marker, _) in _FUNCTIONS.items()}, len(own) > 0)
    return figure


def starts_and_ends(reference: pd.DataFrame, own: pd.DataFrame, metric: str = "accuracy") -> Figure:
    """Draw scores before and after training: a panel per task, a group per optimiser.

    In a group stand the linearised model, the network and least squares on the optimiser's own kernel, each
    with its median and range over draws; before the groups stands the zero-shot score.

    Args:
        reference: What `behaviour` returns of prompts, with the task's name in a column `title`.
        own: The same of a smaller run, whose medians are drawn as hollow markers.
        metric: What the scores are.
    """
    titles = list(dict.fromkeys(reference.title))
    optimisers = [name for name in _NAMES if name in set(reference.optimiser)]
    columns = min(3, len(titles))
    lines = -(-len(titles) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.0 * columns + 0.6, 2.5 * lines + 0.6), sharey=True, squeeze=False
    )
    for axis, title in zip(axes.ravel(), titles, strict=False):
        for table, hollow in ((reference, False), (own, True)):
            _panel(axis, table[table.title == title], optimisers, hollow)
        _levels(axis, reference[reference.title == title])
        axis.set(title=title, xlim=(-0.6, len(optimisers) + 0.5))
        axis.set_xticks(range(len(optimisers) + 1), ["zero-shot", *(_NAMES[name] for name in optimisers)])
        axis.grid(visible=True, axis="y")
    for axis in axes.ravel()[len(titles) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel(f"test {metric}")
    levels = [Line2D([], [], color=colour, linestyle=style, linewidth=1, label=name)
              for name, (colour, style) in _LEVELS.items()]  # fmt: skip
    marks = {"zero-shot": (GREY, "v")} | {
        name: (colour, marker) for name, (colour, marker, _) in _WAYS.items()
    }
    _key(figure, marks, len(own) > 0, levels)
    return figure


def kernel_likeness(reference: pd.DataFrame, own: pd.DataFrame, kernels: Sequence[str]) -> Figure:
    """Draw how each kernel carries what each optimiser did from training to test outputs.

    Args:
        reference: What `behaviour` returns of prompts, with `title`: rows of kernels with their columns
            `carries fine-tuned, <optimiser>`. Every task's median over draws is a dot, a bar their mean.
        own: The same of a smaller run, drawn as hollow markers.
        kernels: Names of the kernels, from top to bottom.
    """
    optimisers = [name for name in _NAMES if f"carries fine-tuned, {name}" in reference]
    figure, axes = plt.subplots(
        1,
        len(optimisers),
        figsize=(2.7 * len(optimisers) + 1.2, 0.5 * len(kernels) + 1.3),
        sharey=True,
        sharex=True,
        squeeze=False,
    )
    for axis, optimiser in zip(axes[0], optimisers, strict=True):
        column = f"carries fine-tuned, {optimiser}"
        for table, hollow in ((reference, False), (own, True)):
            if column not in table:
                continue
            mine = table[table.kernel.isin(kernels)].astype({column: float})
            medians = mine.groupby(["title", "kernel"])[column].median().dropna().reset_index()
            places = np.array([kernels.index(each) for each in medians.kernel]) + (0.18 if hollow else 0)
            _dots(axis, medians[column], places, BLUE, "o", hollow)
            if not hollow:
                for kernel, mean in medians.groupby("kernel")[column].mean().items():
                    place = kernels.index(str(kernel))
                    axis.plot([mean] * 2, [place - 0.25, place + 0.25], color=BLUE, linewidth=2.6)
        axis.axvline(0, color=GREY, linewidth=0.8)
        axis.set(title=f"network trained by {_NAMES[optimiser]}", xlabel="correlation")
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(kernels)), kernels)
    axes[0, 0].set_ylim(len(kernels) - 0.5, -0.5)
    return figure


def _dots(axis: Axes, values: pd.Series, places: np.ndarray, colour: str, marker: str, hollow: bool) -> None:
    """Draw markers, those of this machine hollow and larger."""
    look: dict[str, Any] = {"markersize": 7, "markerfacecolor": "none", "markeredgewidth": 1}
    if not hollow:
        look = {"markersize": 5, "alpha": 0.5, "markeredgewidth": 0}
    axis.plot(values.astype(float), places, marker, color=colour, linestyle="none", **look)


def _panel(axis: Axes, rows: pd.DataFrame, optimisers: Sequence[str], hollow: bool) -> None:
    """Draw a task's median and range over draws at each place."""
    _mark(axis, rows[rows.way == "zero-shot"].score, 0.0, GREY, "v", hollow)
    for place, optimiser in enumerate(optimisers, start=1):
        kernel = "K(SGD)" if optimiser == "sgd" else "K(A-SignGD)"
        for way, (colour, marker, shift) in _WAYS.items():
            which = rows.kernel == kernel if way == "kernel" else rows.optimiser == optimiser
            _mark(axis, rows[(rows.way == way) & which].score, place + shift, colour, marker, hollow)


def _mark(axis: Axes, scores: pd.Series, place: float, colour: str, marker: str, hollow: bool) -> None:
    found = scores.dropna().astype(float)
    if found.empty:
        return
    if hollow:
        style: dict[str, Any] = {"markersize": 7.5, "markerfacecolor": "none", "markeredgewidth": 1}
        axis.plot([place], [found.median()], marker, color=colour, **style)
        return
    axis.plot([place] * 2, [found.min(), found.max()], color=colour, linewidth=1.4)
    axis.plot([place], [found.median()], marker, color=colour, markersize=5)


def _levels(axis: Axes, rows: pd.DataFrame) -> None:
    """Draw what asks no training as horizontal lines."""
    for way, (colour, style) in _LEVELS.items():
        found = rows[rows.way == way].score.dropna().astype(float)
        if len(found):
            axis.axhline(found.median(), color=colour, linestyle=style, linewidth=1)


def _key(
    figure: Figure, marks: Mapping[str, tuple[str, str]], own: bool, more: Sequence[Line2D] = ()
) -> None:
    """Say below the panels what the markers mean."""
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=5, label=name)
        for name, (colour, marker) in marks.items()
    ]
    if own:
        hollow: dict[str, Any] = {"markerfacecolor": "none", "markersize": 7, "linestyle": "none"}
        handles.append(Line2D([], [], color="#444444", marker="o", label="this machine", **hollow))
    handles += more
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)), fontsize=8)
