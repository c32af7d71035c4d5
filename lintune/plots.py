"""One look for all figures, and the figures that chapters share.

Colours are Okabe and Ito's, which people with any colour vision tell apart; text is dark on white and
the page gives figures a white ground in dark mode too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, SKY, RED, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#6E6E6E",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
SEQUENTIAL = LinearSegmentedColormap.from_list("lintune", ["#FFFFFF", "#9CCBE3", BLUE, "#00263D"])
DIVERGING = LinearSegmentedColormap.from_list(
    "lintune_diverging", ["#7A3500", RED, "#FFFFFF", BLUE, "#00263D"]
)

_STYLE: dict[Any, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 220,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}


def use_style() -> None:
    """Make every figure made from here on look like the book's."""
    plt.rcParams.update(_STYLE)


def gram_matrices(
    kernels: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], classes: Mapping[str, Sequence[str]]
) -> Figure:
    """Draw kernels between examples, sorted by class, as cosines between gradients.

    Args:
        kernels: `(n, n)` kernel between examples by panel title.
        labels: `(n,)` classes by the same titles.
        classes: Class names by the same titles.
    """
    figure, axes = plt.subplots(1, len(kernels), figsize=(4.1 * len(kernels), 3.6), squeeze=False)
    for axis, (title, kernel) in zip(axes[0], kernels.items(), strict=True):
        order = np.argsort(labels[title], kind="stable")
        norms = np.sqrt(np.diag(kernel))
        cosines = (kernel / np.outer(norms, norms))[np.ix_(order, order)]
        image = axis.imshow(cosines, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
        edges = np.flatnonzero(np.diff(labels[title][order])) + 0.5
        for edge in edges:
            axis.axhline(edge, color="#222222", linewidth=0.7)
            axis.axvline(edge, color="#222222", linewidth=0.7)
        bounds = np.concatenate([[-0.5], edges, [len(order) - 0.5]])
        centres = (bounds[:-1] + bounds[1:]) / 2
        axis.set_xticks(
            centres,
            classes[title],
            rotation=35 if len(centres) > 3 else 0,
            ha="right" if len(centres) > 3 else "center",
        )
        axis.set_yticks(centres, classes[title])
        axis.tick_params(length=0)
        axis.set_title(title)
    figure.colorbar(image, ax=axes[0].tolist(), label="cosine between gradients", shrink=0.85)
    return figure


def spectra(values: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw eigenvalues over their mean against their rank: a panel per outer key, a line per inner key."""
    figure, axes = plt.subplots(1, len(values), figsize=(4.1 * len(values), 3.3), squeeze=False, sharey=True)
    for axis, (title, lines) in zip(axes[0], values.items(), strict=True):
        for (name, eigenvalues), marker in zip(lines.items(), "os^D", strict=False):
            rank = np.arange(1, len(eigenvalues) + 1)
            axis.loglog(rank, eigenvalues / eigenvalues.mean(), marker=marker, markersize=3.5, label=name)
        axis.axhline(1, color=GREY, linewidth=0.9, linestyle=":")
        axis.grid(visible=True, which="major")
        axis.set(title=title, xlabel="rank of the eigenvalue")
        axis.legend()
    axes[0, 0].set_ylabel("eigenvalue / mean eigenvalue")
    return figure


def layers(described: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Draw share of the trace and alignment with the labels, by block and kind of weight.

    Args:
        described: By panel title, by qualified layer name: `share` and `alignment`.
    """
    figure, axes = plt.subplots(len(described), 2, figsize=(8.4, 3.5 * len(described)), squeeze=False)
    for row, (title, by_layer) in zip(axes, described.items(), strict=True):
        for axis, (key, label) in zip(
            row, {"share": "share of trace (%)", "alignment": "alignment"}.items(), strict=True
        ):
            values, kinds = _grid({name: found[key] for name, found in by_layer.items()})
            image = axis.imshow(
                values * (100 if key == "share" else 1),
                cmap=SEQUENTIAL,
                aspect="auto",
                vmin=0,
                origin="lower",
            )
            axis.set_xticks(range(len(kinds)), kinds, rotation=35, ha="right")
            axis.set(title=f"{title}: {label}", ylabel="block")
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
            figure.colorbar(image, ax=axis, shrink=0.85)
    return figure


def _grid(values: Mapping[str, float]) -> tuple[np.ndarray, list[str]]:
    """Lay one number per layer out by block and kind of weight; NaN where a block lacks a kind."""
    parts = {name: name.split(".") for name in values}
    number = {name: next(int(part) for part in split if part.isdigit()) for name, split in parts.items()}
    kinds = list(dict.fromkeys(split[-1] for split in parts.values()))
    grid = np.full((max(number.values()) + 1, len(kinds)), np.nan)
    for name, value in values.items():
        grid[number[name], kinds.index(parts[name][-1])] = value
    return grid, kinds


def accuracies(results: Mapping[str, Mapping[str, Sequence[float]]], chance: Mapping[str, float]) -> Figure:
    """Draw accuracy per way and seed: a dot per seed, a bar at the mean, one panel per task.

    Args:
        results: Accuracies over seeds by way, by task; a way that a task lacks stays empty there.
        chance: Accuracy of guessing, by task.
    """
    ways = list(dict.fromkeys(way for by_way in results.values() for way in by_way))
    figure, axes = plt.subplots(
        1, len(results), figsize=(4.1 * len(results), 0.42 * len(ways) + 1.3), squeeze=False, sharey=True
    )
    for axis, (title, by_way) in zip(axes[0], results.items(), strict=True):
        for place, way in enumerate(reversed(ways)):
            found = np.asarray(by_way.get(way, []), dtype=float)
            colour = BLUE if "kernel" in way else GREY
            if len(found):
                axis.plot(
                    found,
                    np.full(len(found), place),
                    "o",
                    color=colour,
                    alpha=0.45,
                    markersize=6,
                    markeredgewidth=0,
                )
                axis.plot([found.mean()] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=2.6)
        axis.axvline(chance[title], color=RED, linewidth=1, linestyle="--")
        axis.text(chance[title] + 0.015, -0.55, "chance", color=RED, fontsize=8, va="bottom")
        axis.set_yticks(range(len(ways)), list(reversed(ways)))
        axis.set(title=title, xlabel="test accuracy", xlim=(0, 1), ylim=(-0.6, len(ways) - 0.4))
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    return figure


def likeness(table: pd.DataFrame) -> Figure:
    """Draw a table of similarities, rows by columns, with its numbers; colours go from 0 to 1."""
    rows, columns = table.shape
    figure, axis = plt.subplots(figsize=(0.42 * columns + 2.4, 0.34 * rows + 1.7))
    values = table.to_numpy(dtype=float)
    image = axis.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for row, column in np.ndindex(rows, columns):
        value = values[row, column]
        colour = "white" if value > 0.6 else "#222222"
        text = f"{value:.2f}".replace("0.", ".")
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axis.set_xticks(range(columns), table.columns, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(rows), table.index)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axis, label="centred alignment", shrink=0.7)
    return figure


def costs(tables: Mapping[str, pd.DataFrame], ours: str = "lintune") -> Figure:
    """Draw time and memory of several ways to the same result: a row of panels per table.

    Args:
        tables: By title, a row per way: `seconds` and `gigabytes`.
        ours: How the names of our own ways begin; they are drawn in blue.
    """
    measures = {"seconds": "processor seconds", "gigabytes": "peak memory (GB)"}
    tallest = max(len(ways) for ways in tables.values())
    figure, axes = plt.subplots(
        len(tables), 2, figsize=(8.4, (0.27 * tallest + 0.9) * len(tables)), squeeze=False
    )
    for row, (title, ways) in zip(axes, tables.items(), strict=True):
        ordered = ways.sort_values("seconds", ascending=False)
        colours = [BLUE if str(name).startswith(ours) else GREY for name in ordered.index]
        for axis, (column, label) in zip(row, measures.items(), strict=True):
            axis.scatter(ordered[column], range(len(ordered)), color=colours, s=34)
            for place, value in enumerate(ordered[column]):
                axis.annotate(
                    f"{value:.3g}", (value, place), (7, -3), textcoords="offset points", fontsize=7.5
                )
            axis.set_yticks(range(len(ordered)), ordered.index if column == "seconds" else [])
            axis.set(xscale="log", xlabel=label, title=title if column == "seconds" else "")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
            axis.grid(visible=True, axis="y")
            axis.margins(x=0.2)
            axis.tick_params(axis="y", length=0)
    return figure
