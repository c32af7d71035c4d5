"""Figures of proximal training: its path, its modes, and what the pull costs and buys."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY


def proximal_paths(found: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw the loss over steps, relative to its start: a panel per pull.

    Args:
        found: By panel title: `times` `(T,)` and the closed form's `loss` `(T,)` there, `end`, its loss
            in the end; and as they were trained, from step 0 on, the losses of the `linear` model, of the
            `network`, and of the network with LoRA's A `held`.
    """
    figure, axes = plt.subplots(1, len(found), figsize=(4.1 * len(found), 3.4), squeeze=False, sharey=True)
    for axis, (title, each) in zip(axes[0], found.items(), strict=True):
        start = each["loss"][0]
        axis.plot(each["times"], each["loss"] / start, color=BLUE, label="linear model, closed form")
        axis.plot(
            each["linear"] / start,
            "o",
            color=BLUE,
            markersize=4,
            markerfacecolor="white",
            label="linear model, trained",
        )
        axis.plot(each["held"] / start, "--", color=GREEN, linewidth=1.5, label="network, B trained")
        axis.plot(each["network"] / start, color=ORANGE, linewidth=1.5, label="network, A and B trained")
        axis.axhline(float(each["end"] / start), color=GREY, linewidth=0.9, linestyle=":")
        axis.set_yscale("log")
        axis.set_xscale("symlog", linthresh=1)
        axis.set_xlim(left=-0.1)
        axis.grid(visible=True)
        axis.set(title=title, xlabel="step of gradient descent")
    axes[0, 0].set_ylabel("loss / loss at the start")
    axes[0, -1].legend(fontsize=8)
    return figure


def proximal_modes(
    eigenvalues: np.ndarray,
    shares: np.ndarray,
    learnt: Mapping[str, np.ndarray],
    ceilings: np.ndarray,
) -> Figure:
    """Draw where the target is, and how much of each mode is learnt by when.

    Args:
        eigenvalues: `(N,)` descending.
        shares: `(N,)` share of the target's energy in each mode.
        learnt: `(N,)` share of each mode's target that has been learnt, by name of the moment.
        ceilings: `(N,)` share learnt in the end.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    rank = np.arange(1, len(eigenvalues) + 1)
    left.semilogy(
        rank, eigenvalues / eigenvalues.sum(), "-", color=GREY, linewidth=1.4, label="of the kernel's trace"
    )
    left.semilogy(rank, shares, "o", color=BLUE, markersize=4.5, label="of the target's energy")
    left.semilogy(rank, np.cumsum(shares[::-1])[::-1], "-", color=SKY, label="of the energy, from here on")
    left.set(title="where the target is", xlabel="mode, by eigenvalue", ylabel="share")
    left.legend(fontsize=8)
    for (name, values), colour in zip(learnt.items(), (SKY, GREEN, PURPLE, BLUE), strict=False):
        right.plot(rank, values, marker="o", markersize=3, color=colour, linewidth=1.3, label=name)
    right.plot(rank, ceilings, color=RED, linewidth=1.2, linestyle="--", label="ceiling")
    right.set(
        title="how much of it is learnt", xlabel="mode, by eigenvalue", ylabel="learnt share", ylim=(0, 1.02)
    )
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(visible=True)
        axis.set_xlim(0.3, len(rank) + 0.7)
    return figure


def conditioning(table: pd.DataFrame) -> Figure:
    """Draw what a pull buys, fewer steps, and what it costs, a worse fit.

    Args:
        table: A row per pull: `relative` (over the mean eigenvalue), `condition_number`, `guaranteed`,
            `best_step` and `full_step` (numbers of steps), `loss` and `learnt` (of the optimum; shares of
            the loss at the start, and of the weakest mode's target).
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    _steps(left, table)
    right.semilogx(table.relative, table.loss, color=BLUE, label="loss at the optimum / at the start")
    right.semilogx(table.relative, table.learnt, color=GREEN, label="share learnt of the weakest mode")
    right.set(title="what it costs", ylabel="share", ylim=(0, 1.02))
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(visible=True)
        axis.set_xlabel("pull / mean eigenvalue")
    return figure


def _steps(axis: Axes, table: pd.DataFrame) -> None:
    lines = {
        "condition_number": ("condition number", GREY, ":"),
        "full_step": ("steps, half the largest step", SKY, "-"),
        "best_step": ("steps, step of the best rate", BLUE, "-"),
        "guaranteed": ("bound for that step, any target", ORANGE, "--"),
    }
    for column, (label, colour, style) in lines.items():
        axis.loglog(table.relative, table[column], color=colour, linestyle=style, label=label)
    axis.set(title="what it buys", ylabel="steps, condition number")
    axis.legend(fontsize=8)
