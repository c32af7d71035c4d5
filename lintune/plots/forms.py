"""A drawing of the decomposition view: which parts of a weight each method trains."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lintune.plots.style import BLUE, GREY

# Width and height of a part; a diagonal is drawn as a line in a square.
_SIZES = {"W": (1.0, 1.4), "B": (0.35, 1.4), "A": (1.0, 0.35), "M": (0.35, 0.35), "D": (0.35, 0.35)}
_SIZES |= {"U": (1.0, 1.4), "V": (1.0, 1.0), "S": (1.0, 1.0), "L": (1.4, 1.4), "R": (1.0, 1.0)}
_DIAGONAL = "DSLR"

# Parts from left to right, a capital for each factor; trained ones are marked by an asterisk.
_FORMULAS: dict[str, Sequence[tuple[str, str]]] = {
    "reconstruction": (
        ("singular values", "U S* V"),
        ("IA3", "L* W"),
        ("SSL", "W R*"),
        ("SSB", "L* W R*"),
    ),
    "extension": (
        ("LoRA", "W + B* A*"),
        ("TriLoRA", "W + B* D* A*"),
        ("FLoRA", "W + B* M* A*"),
    ),
    "combination": (("DoRA", "L* ( W + B* A* )"),),
}


def decomposition_map() -> Figure:
    """Draw the methods of the three families as products of matrices, what is trained in colour."""
    panels = [(family, *each) for family, formulas in _FORMULAS.items() for each in formulas]
    figure, axes = plt.subplots(2, 4, figsize=(9.4, 3.9))
    for axis, (family, title, formula) in zip(axes.flat, panels, strict=True):
        _draw(axis, formula.split())
        axis.set_title(f"{title}\n{family}", fontsize=9)
    return figure


def _draw(axis: Axes, parts: Sequence[str]) -> None:
    """Draw the parts of one formula side by side."""
    x = 0.0
    for part in parts:
        if part in "+()":
            axis.text(x + 0.12, 0, part, ha="center", va="center", fontsize=12)
            x += 0.3
            continue
        width, height = _SIZES[part[0]]
        colour = BLUE if part.endswith("*") else GREY
        box = Rectangle((x, -height / 2), width, height, facecolor=colour, edgecolor=colour, alpha=0.3)
        if part[0] in _DIAGONAL:
            box.set_facecolor("none")
            axis.plot([x, x + width], [height / 2, -height / 2], color=colour, linewidth=2.5)
        axis.add_patch(box)
        x += width + 0.12
    axis.set(xlim=(-0.1, 5.2), ylim=(-1.0, 1.0), aspect="equal")
    axis.axis("off")
