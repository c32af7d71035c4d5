"""Figures of what things cost."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREY


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
