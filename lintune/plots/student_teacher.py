"""Figures of the student and its teacher."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREY, ORANGE, PALETTE, RED

NAMES = {"relu": "ReLU", "sigmoid": "sigmoid", "quadratic": "quadratic", "he3": "He$_3$"}


def dial(rows: pd.DataFrame) -> Figure:
    """Draw the share of the teacher's change that is not linear against its size.

    Args:
        rows: `activation`, `ratio`, `share`, `low` and `high`.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.3))
    for colour, (name, group) in zip(PALETTE, rows.groupby("activation", sort=False), strict=False):
        axis.semilogx(group.ratio, group.share, color=colour, label=NAMES.get(str(name), str(name)))
        axis.fill_between(group.ratio, group.low, group.high, color=colour, alpha=0.15, linewidth=0)
    axis.set(
        xlabel=r"size of the change $\xi/\sqrt{k}$",
        ylabel="share that is not linear",
        ylim=(0, 1),
    )
    axis.grid(visible=True)
    axis.legend()
    return figure


def speeds(found: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw h(m) over h(0), in closed form as a line and by the printed double series as points.

    Args:
        found: By activation `overlap`, `closed`, `at` and `series`.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.3))
    for colour, (name, each) in zip(PALETTE, found.items(), strict=False):
        closed = np.asarray(each["closed"])
        middle = float(np.interp(0.0, each["overlap"], closed))
        axis.semilogy(each["overlap"], closed / middle, color=colour, label=NAMES.get(name, name))
        axis.plot(each["at"], np.asarray(each["series"]) / middle, "o", color=colour, markersize=3.5)
    axis.axhline(1, color=GREY, linewidth=0.8)
    axis.set(xlabel=r"overlap $m=\langle u,\hat u\rangle$", ylabel=r"$h(m)\,/\,h(0)$")
    axis.grid(visible=True)
    axis.legend()
    return figure


def followed(rows: Sequence[Sequence[Mapping[str, Any]]], titles: Sequence[str]) -> Figure:
    """Draw simulated overlaps under the curves of theory.

    Args:
        rows: For each size of the change, what `studies.student_teacher.against_theory` returns by
            activation.
        titles: Of the rows.
    """
    figure, axes = plt.subplots(
        len(rows), len(rows[0]), figsize=(2.75 * len(rows[0]), 2.35 * len(rows)), squeeze=False, sharey=True
    )
    for line, found, title in zip(axes, rows, titles, strict=True):
        for axis, each in zip(line, found, strict=True):
            _followed(axis, each)
            axis.set_title(f"{NAMES.get(each['activation'], each['activation'])}, {title}", fontsize=9)
        line[0].set_ylabel("overlap")
    for axis in axes[-1]:
        axis.set_xlabel("step / 1000")
    handles, labels = axes[0, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def ten(found: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Draw the overlap of every instance, for each way of training.

    Args:
        found: What `studies.student_teacher.instances` returns.
        titles: By way of training.
    """
    figure, axes = plt.subplots(1, len(titles), figsize=(4.6 * len(titles), 3.1), sharey=True, squeeze=False)
    steps = np.asarray(found["steps"]) / 1000
    for axis, (way, title) in zip(axes[0], titles.items(), strict=True):
        for line in found[way]["overlap"]:
            axis.plot(steps, line, color=BLUE, alpha=0.55, linewidth=1.1)
        axis.plot(
            steps, np.median(found[way]["overlap"], axis=0), color=ORANGE, linewidth=2.4, label="median"
        )
        axis.set(title=title, xlabel="step / 1000", ylim=(0, 1.02))
        axis.grid(visible=True)
    axes[0, 0].set_ylabel(r"$|\langle u,\hat u\rangle|$")
    axes[0, 0].legend()
    return figure


def losses(
    found: Mapping[str, Any], size: Sequence[float], plateau: Sequence[float], least: float = 1e-4
) -> Figure:
    """Draw the loss of the network and of the linear student, and how c lags behind u.

    Args:
        found: What `studies.student_teacher.instances` returns, with the ways `network` and `linear`.
        size: `(I,)` loss of the base network.
        plateau: `(I,)` predicted plateau of the linear student.
        least: Least loss that is drawn, over the size.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.3))
    steps, over = np.asarray(found["steps"]) / 1000, np.asarray(size)[:, None]
    for way, colour, name in (("network", BLUE, "network"), ("linear", ORANGE, "linear in the weights")):
        share = np.maximum(np.asarray(found[way]["loss"]) / over, least)
        left.semilogy(steps, share.T, color=colour, alpha=0.25, linewidth=0.9)
        left.semilogy(steps, np.median(share, axis=0), color=colour, linewidth=2.4, label=name)
    ends = np.full(len(over), steps[-1] * 1.02)
    left.plot(ends, np.asarray(plateau) / over[:, 0], "_", color=RED, markersize=9, label="predicted plateau")
    left.set(xlabel="step / 1000", ylabel="loss / loss of the base network")
    left.legend(fontsize=8)
    for key, colour, name in (
        ("overlap", BLUE, r"$|\langle u,\hat u\rangle|$"),
        ("c_overlap", RED, r"$|\langle c,\hat c\rangle|$"),
    ):
        values = np.asarray(found["network"][key])
        right.plot(steps, values.T, color=colour, alpha=0.25, linewidth=0.9)
        right.plot(steps, np.median(values, axis=0), color=colour, linewidth=2.4, label=name)
    right.set(xlabel="step / 1000", ylim=(0, 1.02), ylabel="overlap with the teacher's")
    right.legend()
    for axis in (left, right):
        axis.grid(visible=True)
    return figure


def _followed(axis: Axes, found: Mapping[str, Any]) -> None:
    steps, centre = np.asarray(found["steps"]) / 1000, np.asarray(found["theory"])
    width = 2 * np.asarray(found["width"])
    axis.plot(steps, np.asarray(found["overlap"]).T, color=GREY, alpha=0.35, linewidth=0.6)
    axis.fill_between(
        steps, centre - width, np.minimum(centre + width, 1), color=ORANGE, alpha=0.3, linewidth=0
    )
    axis.plot(steps, found["average"], color=BLUE, linewidth=2, label="mean of students")
    axis.plot(steps, centre, color=ORANGE, linewidth=1.4, label="theory, this step size")
    axis.plot(steps, found["printed"], color=RED, linewidth=1, linestyle="--", label="recursion as printed")
    axis.axhline(0, color=GREY, linewidth=0.7)
    axis.grid(visible=True)
