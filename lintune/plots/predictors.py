"""Figures of what foretells training: rank correlations, and the runs behind them."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from lintune.plots.style import BLUE, GREY, ORANGE, SEQUENTIAL

_BAND = "#EAF3F8"
# Values that span more than this factor go on a logarithmic axis.
_WIDE = 8


def rank_correlations(reference: pd.DataFrame, own: pd.DataFrame) -> Figure:
    """Draw every predictor's rank correlation: a panel per outcome, a row per predictor.

    Predictors are sorted by the reference's first outcome, the best in the expected direction on top.

    Args:
        reference: A row per `predictor` and `outcome`: `expected`, a sign; `mean`, `low` and `high` of the
            correlation; `partial`, `partial low` and `partial high` of the one given the number of
            parameters. Where an end is missing there is no interval.
        own: The same of a smaller grid, of which `mean` is drawn.
    """
    outcomes = list(dict.fromkeys(reference.outcome))
    first = reference[reference.outcome == outcomes[0]]
    order = list(first.predictor.iloc[np.argsort(-first["mean"] * first.expected, kind="stable")])
    figure, axes = plt.subplots(
        1,
        len(outcomes),
        figsize=(2.35 * len(outcomes) + 2, 0.36 * len(order) + 1.5),
        sharey=True,
        squeeze=False,
    )
    for axis, outcome in zip(axes[0], outcomes, strict=True):
        tables = [
            table[table.outcome == outcome].set_index("predictor").loc[order] for table in (reference, own)
        ]
        _correlations(axis, *tables)
        axis.set(title=outcome, xlabel="rank correlation", xlim=(-1.06, 1.06))
    axes[0, 0].set_yticks(range(len(order)), order)
    axes[0, 0].set_ylim(len(order) - 0.5, -0.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def losses_by_predictor(rows: pd.DataFrame, predictors: Sequence[str]) -> Figure:
    """Draw the training loss of every run against predictors: a row per predictor, a panel per task.

    Args:
        rows: A row per run: `title` (of the task), `depth`, `kind`, `train loss` and the predictors.
        predictors: Columns. Runs with an infinite value are not drawn against it.
    """
    titles, kinds = (list(dict.fromkeys(rows[column])) for column in ("title", "kind"))
    depths = sorted(rows.depth.unique())
    figure, axes = plt.subplots(
        len(predictors),
        len(titles),
        figsize=(2.5 * len(titles) + 1.6, 2.4 * len(predictors) + 0.5),
        squeeze=False,
        sharey="col",
    )
    # White is the first colour of the map; the shallowest depth should be seen.
    colours = SEQUENTIAL.resampled(len(depths) + 1)
    for line, predictor in zip(axes, predictors, strict=True):
        for axis, title in zip(line, titles, strict=True):
            runs = rows[rows.title == title]
            for kind, marker in zip(kinds, "os^D", strict=False):
                of_kind = runs[runs.kind == kind]
                shades = [colours(1 + depths.index(depth)) for depth in of_kind.depth]
                axis.scatter(
                    of_kind[predictor],
                    of_kind["train loss"],
                    c=shades,
                    marker=marker,
                    s=18,
                    linewidth=0.4,
                    edgecolor="#444444",
                )
            axis.set_xlabel(predictor)
            for name, which, values in (("x", axis.xaxis, predictor), ("y", axis.yaxis, "train loss")):
                if _wide(rows[values]):
                    axis.set(**{f"{name}scale": "log"})
                    _decades(which, runs[values])
                else:
                    which.set_major_locator(MaxNLocator(4))
            axis.grid(visible=True, which="major")
        line[0].set_ylabel("train loss")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    _key(figure, [colours(1 + place) for place in range(len(depths))], depths, kinds)
    return figure


def _correlations(axis: Axes, reference: pd.DataFrame, own: pd.DataFrame) -> None:
    """Draw one panel of tables that share their order of predictors."""
    places = np.arange(len(reference))
    axis.barh(places, reference.expected * 1.06, height=0.92, color=_BAND, label="expected side")
    axis.axvline(0, color=GREY, linewidth=0.8)
    for shift, prefix, name, colour, marker, label in (
        (-0.16, "", "mean", BLUE, "o", "reference"),
        (0.2, "partial ", "partial", ORANGE, "s", "reference, given the parameters"),
    ):
        axis.hlines(
            places + shift,
            reference[f"{prefix}low"],
            reference[f"{prefix}high"],
            color=colour,
            linewidth=1.4,
        )
        axis.plot(
            reference[name],
            places + shift,
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=0,
            label=label,
        )
    axis.plot(
        own["mean"],
        places - 0.16,
        "o",
        color=BLUE,
        markerfacecolor="none",
        markersize=6.5,
        markeredgewidth=1,
        label="this machine",
    )
    axis.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−.5", "0", ".5", "1"])
    axis.grid(visible=True, axis="x")
    axis.tick_params(axis="y", length=0)


def _wide(values: pd.Series) -> bool:
    """Return whether values want a logarithmic axis."""
    return bool(values.min() > 0 and values.max() > _WIDE * values.min())


def _decades(axis: Axis, values: pd.Series) -> None:
    """Mark a logarithmic axis in plain numbers, as far as these are short."""
    steps = (1.0,) if values.max() > 100 * values.min() else (1.0, 3.0)
    axis.set_major_locator(LogLocator(subs=steps, numticks=5))
    axis.set_minor_formatter(NullFormatter())
    if values.min() > 1e-4 and values.max() < 1e6:
        axis.set_major_formatter("{x:,g}")


def _key(figure: Figure, colours: Sequence[Any], depths: Sequence[int], kinds: Sequence[str]) -> None:
    """Say below the panels what colours and markers mean."""
    style: dict[str, Any] = {"linewidth": 0, "markeredgecolor": "#444444", "markeredgewidth": 0.4}
    handles = [
        Line2D([], [], marker="o", color=colour, label=f"top {depth}", **style)
        for colour, depth in zip(colours, depths, strict=True)
    ] + [
        Line2D([], [], marker=marker, color="white", label=kind, **style)
        for kind, marker in zip(kinds, "os^D", strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8)
