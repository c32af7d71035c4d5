"""Figures of one kernel: its Gram matrix, its spectrum, its layers."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from lintune.plots.style import DIVERGING, GREY, SEQUENTIAL


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
        norms = np.sqrt(np.diag(kernel))
        image, edges = cosines_by_class(axis, kernel / np.outer(norms, norms), labels[title])
        bounds = np.concatenate([[-0.5], edges, [len(kernel) - 0.5]])
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


def cosines_by_class(
    axis: Axes, cosines: np.ndarray, labels: np.ndarray | Sequence[int]
) -> tuple[AxesImage, np.ndarray]:
    """Draw cosines between examples sorted by class, with lines between the classes.

    Args:
        axis: Where to draw.
        cosines: `(n, n)` between -1 and 1.
        labels: `(n,)` classes.

    Returns:
        The image, and where the lines are.
    """
    order = np.argsort(labels, kind="stable")
    ordered = cosines[np.ix_(order, order)]
    image = axis.imshow(ordered, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
    edges = np.flatnonzero(np.diff(np.asarray(labels)[order])) + 0.5
    for edge in edges:
        axis.axhline(edge, color="#222222", linewidth=0.7)
        axis.axvline(edge, color="#222222", linewidth=0.7)
    return image, edges


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
