"""One look for all figures.

Colours are Okabe and Ito's, which people with any colour vision tell apart; text is dark on white and
the page gives figures a white ground in dark mode too.
"""

from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

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
