"""Figures of how right forecasts were: learning rates, losses, and what a probe had said of them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from lintune.plots.advisor import diagonal
from lintune.plots.style import BLUE, GREY, ORANGE

# What overflows a panel is drawn at its edge.
_EDGE = 1.02


def rates_and_losses(rows: pd.DataFrame, found: pd.DataFrame) -> Figure:
    """Draw suggested against chosen learning rates, and predicted against real losses rate by rate.

    Args:
        rows: A row per candidate, task and draw: `rate`, that of trials (NaN where all diverged), and
            `suggested`.
        found: What `lintune.studies.advice.curves` returns.
    """
    figure, (left, *others) = plt.subplots(1, 3, figsize=(9.8, 3.4))
    known = rows.dropna(subset=["rate"])
    counts = known.groupby(["rate", "suggested"]).size().reset_index(name="count")
    left.scatter(counts.rate, counts.suggested, s=9 * counts["count"], color=BLUE, alpha=0.7, linewidth=0)
    ends = [min(counts.min()[["rate", "suggested"]]) / 2, max(counts.max()[["rate", "suggested"]]) * 2]
    left.plot(ends, ends, color=GREY, linestyle=":", linewidth=0.9, zorder=0)
    left.set(
        xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="rate by trials", ylabel="suggested rate"
    )
    left.set_title("learning rates")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_minor_formatter(NullFormatter())
    left.grid(visible=True)
    rates = sorted(found.rate.unique())
    for axis, kind, title in zip(
        others, ("train", "validation"), ("training loss", "validation loss"), strict=True
    ):
        most = float(np.nanquantile(found[[f"{kind}_loss", f"predicted_{kind}_loss"]], 0.99))
        for rate, colour in zip(rates, _shades(len(rates)), strict=True):
            here = found[found.rate == rate]
            axis.scatter(
                here[f"predicted_{kind}_loss"].clip(upper=most * _EDGE),
                here[f"{kind}_loss"].clip(upper=most * _EDGE),
                s=11,
                color=colour,
                linewidth=0,
                alpha=0.8,
                label=f"{rate:g}",
            )
        axis.set(title=title, xlabel="predicted", ylabel="real", xlim=(0, most * 1.05), ylim=(0, most * 1.05))
        diagonal(axis)
    others[-1].legend(title="rate", fontsize=8, title_fontsize=8, loc="upper left")
    return figure


def _shades(count: int) -> list[tuple[float, float, float, float]]:
    colours = plt.get_cmap("viridis")
    return [colours(0.92 * place / max(1, count - 1)) for place in range(count)]


def warnings(table: pd.DataFrame, describes: float, guides: float) -> Figure:
    """Draw how wrong the forecast was against what the probe had said.

    Args:
        table: What `lintune.studies.advice.probes` returns.
        describes: The share up to which the linear model counts as a description.
        guides: That up to which it counts as a guide.
    """
    figure, axis = plt.subplots(figsize=(5.4, 3.4))
    finite = table[np.isfinite(table.share) & np.isfinite(table.wrong)]
    for role, colour, marker in (("first", BLUE, "D"), ("default", ORANGE, "s")):
        here = finite[finite.role == role]
        axis.plot(here.share, here.wrong, marker, color=colour, markersize=5.5, alpha=0.85, label=role)
    for share, style in ((describes, "--"), (guides, ":")):
        axis.axvline(share, color=GREY, linestyle=style, linewidth=1, label=f"share {share:g}")
    axis.set(
        xlabel="share of the change that the linear model gets wrong (probe)",
        ylabel="|test loss − predicted|",
        ylim=(0, None),
        xscale="log",
    )
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(visible=True)
    axis.legend(fontsize=8.5)
    return figure
