"""Figures of the advisor at work: predicted losses of all candidates, and a few of them really trained."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE


def forecasts(rows: pd.DataFrame, first: str, default: str, lines: Mapping[str, float]) -> Figure:
    """Draw the predicted held-out loss of every candidate, and which of them tie with the first choice.

    Args:
        rows: A row per candidate, the best first: `candidate`, `loss`, `error` (standard error of what it is
            above that of the first choice; NaN for none) and `tie`.
        first: The first choice.
        default: The usual default.
        lines: Losses to draw as lines, by what they are.
    """
    figure, axis = plt.subplots(figsize=(7.6, 0.24 * len(rows) + 1.5))
    for place, row in enumerate(rows.to_dict("records")):
        colour = _colour(row["candidate"], first, default)
        axis.errorbar(
            row["loss"],
            place,
            xerr=None if np.isnan(row["error"]) else row["error"],
            fmt="o",
            markersize=5,
            color=colour,
            markerfacecolor=colour if row["tie"] else "white",
            elinewidth=1.2,
        )
    for (name, loss), style in zip(lines.items(), (":", "--", "-."), strict=False):
        axis.axvline(loss, color=GREY, linestyle=style, linewidth=1, label=name)
    axis.plot([], [], "o", color=GREY, label="tie with the first choice")
    axis.plot([], [], "o", color=GREY, markerfacecolor="white", label="no tie")
    axis.set_yticks(range(len(rows)), list(rows.candidate), fontsize=8.5)
    for label in axis.get_yticklabels():
        label.set_color(_text(label.get_text(), first, default))
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel("predicted held-out cross-entropy at the suggested rate")
    axis.grid(visible=True, axis="x")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def predicted_runs(rows: pd.DataFrame, shown: Sequence[str], first: str, default: str) -> Figure:
    """Draw predicted against real losses: at every step for some candidates, and in the end for all.

    Args:
        rows: What `lintune.studies.advice.tried` returns: `candidate`, `batches`, `predicted_batches`,
            `train_loss`, `held_loss` (NaN where training diverged) and the same two with `predicted_`.
        shown: Whose steps are drawn, a panel each.
        first: The first choice.
        default: The usual default.
    """
    figure, axes = plt.subplots(
        1, len(shown) + 1, figsize=(3.1 * (len(shown) + 1), 3.3), squeeze=False, layout="constrained"
    )
    by_name = rows.set_index("candidate")
    for axis, name in zip(axes[0], shown, strict=False):
        row, colour = by_name.loc[name], _colour(name, first, default)
        axis.plot(row.predicted_batches, "--", color=GREY, label="predicted")
        axis.plot(row.batches, "-o", color=colour, markersize=3.5, linewidth=1.4, label="real")
        axis.set(title=name, xlabel="step", ylim=(0, None))
        axis.title.set_fontsize(9.5)
        axis.grid(visible=True)
        axis.legend(fontsize=8.5)
    axes[0, 0].set_ylabel("loss of the examples of the step")
    _ends(axes[0, -1], rows, first, default)
    return figure


def _ends(axis: Axes, rows: pd.DataFrame, first: str, default: str) -> None:
    for kind, marker in (("train", "o"), ("held", "s")):
        for row in rows.to_dict("records"):
            colour = _colour(str(row["candidate"]), first, default)
            axis.plot(
                row[f"predicted_{kind}_loss"],
                row[f"{kind}_loss"],
                marker,
                color=colour,
                markersize=5,
                markerfacecolor=colour if kind == "train" else "white",
            )
    for label, colour in (("first choice", BLUE), ("default", ORANGE), ("others", GREEN)):
        axis.plot([], [], "o", color=colour, markersize=5, label=label)
    axis.plot([], [], "s", color=GREY, markerfacecolor="white", markersize=5, label="held-out examples")
    diagonal(axis)
    axis.set(title="in the end", xlabel="predicted loss", ylabel="real loss")
    axis.legend(fontsize=7.5, loc="upper left")


def diagonal(axis: Axes) -> None:
    """Give both axes of a panel the same range, from 0, and draw where they agree."""
    most = max(axis.get_xlim()[1], axis.get_ylim()[1])
    axis.plot([0, most], [0, most], color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    axis.set(xlim=(0, most), ylim=(0, most))
    axis.grid(visible=True)


def _colour(name: str, first: str, default: str) -> str:
    """Return the colour of a candidate; the first choice stays one where it is the default."""
    return {default: ORANGE, first: BLUE}.get(name, GREEN) if name != first else BLUE


def _text(name: str, first: str, default: str) -> str:
    """Return the colour of its name: the two are marked, the others are plain."""
    return _colour(name, first, default) if name in (first, default) else "#444444"
