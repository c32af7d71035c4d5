"""All claims at a glance: a square for each, by paper and verdict."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lintune.plots.style import BLUE, GREY, ORANGE, RED, SKY

# Colour and mark say the same: neither the colour-blind nor a printer without colour loses the verdict.
MARKS = {
    "holds": (BLUE, "\N{CHECK MARK}"),
    "holds only when": (SKY, "\N{ALMOST EQUAL TO}"),
    "not decided": (ORANGE, "?"),
    "does not hold": (RED, "\N{MULTIPLICATION SIGN}"),
    "not run": (GREY, "\N{EN DASH}"),
}


def at_a_glance(rows: pd.DataFrame) -> Figure:
    """Draw a square for every claim, a line for each paper.

    Args:
        rows: The ledger, with `paper` and `verdict`.
    """
    order = list(MARKS)
    papers = list(dict.fromkeys(rows.paper))
    longest = int(rows.paper.value_counts().max())
    figure, axes = plt.subplots(figsize=(1.6 + 0.36 * longest, 0.7 + 0.4 * len(papers)))
    for line, paper in enumerate(papers):
        verdicts = sorted(rows.verdict[rows.paper == paper], key=order.index)
        for place, verdict in enumerate(verdicts):
            _square(axes, place, line, *MARKS[verdict])
    axes.set_xlim(-0.1, longest)
    axes.set_ylim(len(papers) - 0.05, -0.05)
    axes.set_aspect("equal")
    axes.set_yticks([line + 0.5 for line in range(len(papers))], papers)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    shown = [verdict for verdict in order if verdict in set(rows.verdict)]
    handles = [Rectangle((0, 0), 1, 1, color=MARKS[verdict][0]) for verdict in shown]
    figure.legend(
        handles, [f"{MARKS[verdict][1]} {verdict}" for verdict in shown], loc="outside lower center", ncols=5
    )
    return figure


def _square(axes: Axes, place: int, line: int, colour: str, mark: str) -> None:
    axes.add_patch(Rectangle((place + 0.06, line + 0.06), 0.88, 0.88, color=colour, linewidth=0))
    dark = colour in (SKY, ORANGE)  # white on these would be too pale
    axes.text(
        place + 0.5,
        line + 0.52,
        mark,
        ha="center",
        va="center",
        color="black" if dark else "white",
        fontsize=10,
    )
