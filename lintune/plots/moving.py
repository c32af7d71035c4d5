"""Single pictures of the book's movable figures; the axes are the same whatever the sliders say."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.portraits import cosines_by_class
from lintune.plots.style import BLUE, DIVERGING, GREY, ORANGE, RED


def grown_kernel(rows: Sequence[Mapping[str, Any]], place: int, labels: Sequence[int]) -> Figure:
    """Draw the cosines between gradients and the spectrum while a kernel grows.

    Args:
        rows: What `studies.moving.grown` returns.
        place: Which of them is shown; the last one's spectrum stands behind it.
        labels: `(n,)` classes of the examples, by which they are sorted.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.5))
    _bare(left)
    image, _ = cosines_by_class(left, np.asarray(rows[place]["cosines"]), labels)
    figure.colorbar(image, ax=left, shrink=0.85, label="cosine between gradients")
    left.set_title("examples, sorted by class")
    values = [np.asarray(row["eigenvalues"], dtype=float) for row in rows]
    rank = np.arange(1, len(values[0]) + 1)
    right.plot(rank, values[-1], color=GREY, linewidth=1.1, label=f"{rows[-1]['count']} blocks")
    count = rows[place]["count"]
    label = f"{count} block{'s' * (count > 1)}"
    right.plot(rank, values[place], "o-", color=BLUE, markersize=3, linewidth=1.2, label=label)
    positive = np.concatenate(values)
    positive = positive[positive > 1e-6 * positive.max()]
    right.set(xscale="log", yscale="log", ylim=(positive.min() / 2, positive.max() * 2))
    right.set(title="spectrum", xlabel="rank of the eigenvalue", ylabel="eigenvalue / mean of all blocks'")
    right.xaxis.set_major_formatter("{x:g}")
    right.xaxis.set_minor_formatter("")
    right.grid(visible=True, which="major")
    right.legend(fontsize=8, loc="upper right")
    return figure


def lora_kernel(rows: Sequence[Mapping[str, Any]], place: int) -> Figure:
    """Draw LoRA's kernel at one rank, beside that of the weights, and entry against entry.

    Args:
        rows: What `studies.moving.lora_by_rank` returns.
        place: Which of them is shown; the last one is that of the weights.
    """
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3))
    shown, whole = (np.asarray(rows[index]["kernel"], dtype=float) for index in (place, -1))
    rank = rows[place]["rank"]
    _heat(axes[0], shown, 1).axes.set_title("kernel of the weights" if rank is None else f"LoRA, rank {rank}")
    _heat(axes[1], whole, 1).axes.set_title("kernel of the weights")
    pairs = np.tril_indices(len(whole))
    entries = [np.asarray(row["kernel"], dtype=float)[pairs] for row in rows]
    low, high = min(each.min() for each in entries), max(each.max() for each in entries)
    ends = (low - 0.05 * (high - low), high + 0.05 * (high - low))
    axes[2].plot(ends, ends, color=GREY, linewidth=0.9)
    axes[2].plot(whole[pairs], shown[pairs], "o", color=BLUE, markersize=3, alpha=0.5, markeredgewidth=0)
    axes[2].set(xlim=(whole.min() - 0.05, 1.05), ylim=ends, xlabel="entry, weights", ylabel="entry, LoRA")
    axes[2].set_title(f"relative error {rows[place]['error']:.0%}")
    axes[2].grid(visible=True)
    return figure


def students(rows: Sequence[Mapping[str, Any]], place: int, least: float = 1e-4) -> Figure:
    """Draw what a linear student cannot learn against the size of the change, and how two students fare.

    Args:
        rows: What `studies.moving.students` returns.
        place: Which of them is shown.
        least: Least loss that is drawn, over that of the base network.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    ratios = [row["ratio"] for row in rows]
    plateaus = np.array([row["plateau"] for row in rows])
    left.fill_between(ratios, plateaus.min(axis=1), plateaus.max(axis=1), color=RED, alpha=0.15, linewidth=0)
    left.semilogx(ratios, np.median(plateaus, axis=1), color=RED)
    left.plot(ratios[place], np.median(plateaus[place]), "o", color=RED, markersize=8)
    left.set(title="out of reach of a linear student", ylim=(0, 1.02), ylabel="share of the change")
    left.set_xlabel(r"size of the change $\xi/\sqrt{k}$")
    left.xaxis.set_major_formatter("{x:g}")
    row = rows[place]
    times = np.asarray(row["times"])
    for way, colour, name in (("network", BLUE, "network"), ("linear", ORANGE, "linear in the weights")):
        losses = np.maximum(np.asarray(row[way], dtype=float), least)
        right.semilogy(times, losses.T, color=colour, alpha=0.3, linewidth=0.9)
        right.semilogy(times, np.median(losses, axis=0), color=colour, linewidth=2.4, label=name)
    right.axhline(
        np.median(row["plateau"]), color=RED, linestyle="--", linewidth=1.2, label="least, if linear"
    )
    longest = max(max(each["times"]) for each in rows)
    right.set(title=rf"$\xi/\sqrt{{k}}={row['ratio']:g}$", xlim=(0, longest), ylim=(least, 3))
    right.set(xlabel="time", ylabel="loss / loss of the base network")
    right.legend(fontsize=8, loc="center right")
    for axis in (left, right):
        axis.grid(visible=True)
    return figure


def _heat(axis: Axes, matrix: np.ndarray, limit: float) -> Any:
    """Show a matrix, without ticks; what is beyond the limit has the colour of the limit."""
    _bare(axis)
    return axis.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")


def _bare(axis: Axes) -> None:
    """Take ticks and frame from a panel."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
