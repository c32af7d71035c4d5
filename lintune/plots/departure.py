"""Figures of where runs leave their linear twin: a map, paths over steps, and what announces it."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from lintune.plots.style import BLUE, DIVERGING, GREY, ORANGE, SEQUENTIAL

# Gaps are drawn between these; what diverged is at the upper end.
_LEAST, _MOST = 1e-3, 10.0
_SHORT = {"gap": "at the end", "worst": "ever"}


def departure_map(table: pd.DataFrame, threshold: float) -> Figure:
    """Draw the gap to the twin over scale and learning rate, a panel per number of steps.

    Args:
        table: A row per run and number of steps: `alpha`, `rate`, `steps`, `gap`; the median over draws is
            drawn.
        threshold: The gap beyond which a run has left; the boundary is drawn between the cells.
    """
    steps = sorted(table.steps.unique())
    figure, axes = plt.subplots(
        1, len(steps), figsize=(2.75 * len(steps) + 0.9, 3.0), squeeze=False, sharey=True
    )
    span = max(threshold / _LEAST, _MOST / threshold)
    norm = LogNorm(threshold / span, threshold * span)
    for axis, count in zip(axes[0], steps, strict=True):
        medians = table[table.steps == count].pivot_table(
            index="rate", columns="alpha", values="gap", aggfunc="median"
        )
        values = medians.to_numpy(dtype=float)
        image = axis.pcolormesh(np.clip(values, _LEAST, _MOST), cmap=DIVERGING.reversed(), norm=norm)
        for (row, column), value in np.ndenumerate(values):
            strong = abs(np.log(np.clip(value, _LEAST, _MOST) / threshold)) > 0.5 * np.log(span)
            axis.text(
                column + 0.5,
                row + 0.5,
                f"{value:.2g}" if value >= 0.01 else f"{value:.3f}",
                ha="center",
                va="center",
                color="white" if strong else "black",
                fontsize=8.5,
            )
        _boundary(axis, values > threshold)
        axis.set_xticks(np.arange(len(medians.columns)) + 0.5, [f"{value:g}" for value in medians.columns])
        axis.set_yticks(np.arange(len(medians)) + 0.5, [f"{value:g}" for value in medians.index])
        axis.set(title=f"after {count:g} steps", xlabel="alpha")
        axis.tick_params(length=0)
    axes[0, 0].set_ylabel("learning rate over 1 / $l_1$")
    bar = figure.colorbar(image, ax=axes[0].tolist(), label="gap to the twin, unseen examples", aspect=30)
    bar.ax.axhline(threshold, color="black", linewidth=1.5)
    bar.ax.set_ylim(_LEAST, _MOST)
    return figure


def departure_paths(rows: pd.DataFrame, threshold: float) -> Figure:
    """Draw the gap on unseen examples against the steps, a panel per learning rate, a line per run.

    Args:
        rows: A row per run and checkpoint: `draw`, `alpha`, `rate`, `step`, `test_gap`.
        threshold: Where the boundary is drawn.
    """
    rates, alphas = sorted(rows.rate.unique()), sorted(rows.alpha.unique())
    figure, axes = plt.subplots(
        1, len(rates), figsize=(2.3 * len(rates) + 0.9, 3.2), squeeze=False, sharey=True
    )
    for axis, rate in zip(axes[0], rates, strict=True):
        for place, alpha in enumerate(alphas):
            colour = _shade(place, len(alphas))
            here = rows[(rows.rate == rate) & (rows.alpha == alpha)]
            wide = here.pivot_table(index="step", columns="draw", values="test_gap").clip(lower=_LEAST / 10)
            axis.plot(wide.index, wide, color=colour, linewidth=0.7, alpha=0.35)
            axis.plot(wide.index, wide.median(axis=1), color=colour, label=f"alpha {alpha:g}")
        axis.axhline(threshold, color=GREY, linestyle=":", linewidth=1.2)
        axis.set(title=f"rate {rate:g} / $l_1$", xscale="log", yscale="log", xlabel="steps")
        axis.set_ylim(_LEAST / 10, 2 * _MOST)
        axis.set_xticks(sorted(rows.step.unique()), [f"{step:g}" for step in sorted(rows.step.unique())])
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(visible=True)
    axes[0, 0].set_ylabel("gap to the twin, unseen examples")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def foretellers(found: Mapping[str, pd.DataFrame], dials: Sequence[str]) -> Figure:
    """Draw the AUC of every predictor: a panel per dial, a row per predictor, a mark per outcome.

    Args:
        found: By outcome, `gap` at the end and the `worst` on the way, a row per `dial` and `predictor`:
            `group`, `auc`, `auc low`, `auc high`; the ends may be missing.
        dials: Which panels, in order.
    """
    first = next(iter(found.values()))
    names = list(dict.fromkeys(first.predictor))
    groups = list(first.drop_duplicates("predictor").group)
    starts = [one != other for one, other in zip(groups, [groups[0], *groups], strict=False)]
    figure, axes = plt.subplots(
        1, len(dials), figsize=(1.9 * len(dials) + 2.4, 0.27 * len(names) + 1.5), sharey=True, squeeze=False
    )
    places = -np.arange(len(names), dtype=float) - 0.6 * np.cumsum(starts)
    marks = (("gap", -0.14, BLUE, "o"), ("worst", 0.14, ORANGE, "s"))
    for axis, dial in zip(axes[0], dials, strict=True):
        axis.axvline(0.5, color=GREY, linewidth=1, linestyle=":")
        for outcome, shift, colour, marker in marks:
            if outcome not in found:
                continue
            here = found[outcome][found[outcome].dial == dial].set_index("predictor").loc[names]
            axis.hlines(places - shift, here["auc low"], here["auc high"], color=colour, linewidth=1.4)
            axis.plot(
                here.auc, places - shift, marker, color=colour, markersize=4, label=f"left {_SHORT[outcome]}"
            )
        axis.set(title=dial, xlim=(-0.05, 1.05), xlabel="AUC")
        axis.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(places, names)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def departure_scatter(
    table: pd.DataFrame, predictors: Sequence[str], threshold: float, outcome: str = "gap"
) -> Figure:
    """Draw the outcome against some predictors, a panel each, a dot per run and number of steps.

    Args:
        table: A row per run and number of steps: `alpha`, the outcome and the predictors.
        predictors: Columns; what is not positive is left out.
        threshold: Where the boundary is drawn.
        outcome: `gap` at the end or the `worst` on the way.
    """
    alphas = sorted(table.alpha.unique())
    figure, axes = plt.subplots(
        1, len(predictors), figsize=(2.45 * len(predictors) + 0.8, 3.2), squeeze=False, sharey=True
    )
    heights = table[outcome].clip(_LEAST, _MOST)
    for axis, name in zip(axes[0], predictors, strict=True):
        drawable = (table[name] > 0) & np.isfinite(table[name])
        for place, alpha in enumerate(alphas):
            here = (table.alpha == alpha) & drawable
            style: dict[str, Any] = {"markersize": 3.5, "alpha": 0.7, "markeredgewidth": 0.3}
            axis.plot(
                table[name][here],
                heights[here],
                "o",
                color=_shade(place, len(alphas)),
                markeredgecolor="#444444",
                label=f"alpha {alpha:g}",
                **style,
            )
        axis.axhline(threshold, color=GREY, linestyle=":", linewidth=1.2)
        axis.set(xscale="log" if drawable.any() else "linear", yscale="log", xlabel=name)
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(visible=True)
    axes[0, 0].set_ylabel(f"gap to the twin, {'at the end' if outcome == 'gap' else 'largest so far'}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _shade(place: int, count: int) -> Any:
    """Return the colour of a scale: the darker, the larger."""
    return SEQUENTIAL(0.3 + 0.7 * place / max(count - 1, 1))


def _boundary(axis: Axes, left: np.ndarray) -> None:
    """Draw a line between cells on different sides."""
    rows, columns = left.shape
    for row in range(rows):
        for column in range(columns):
            if column + 1 < columns and left[row, column] != left[row, column + 1]:
                axis.plot([column + 1] * 2, [row, row + 1], color="black", linewidth=2)
            if row + 1 < rows and left[row, column] != left[row + 1, column]:
                axis.plot([column, column + 1], [row + 1] * 2, color="black", linewidth=2)
