"""Figures of optimisers' kernels: the first step, step by step, and kernels with solvers."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE

_OPTIMISERS = {"sgd": ("SGD", BLUE, "o"), "signgd": ("SignGD", ORANGE, "s")}
_PREDICTIONS = {
    "current": ("linearisation alone", GREEN, "^"),
    "frozen": ("features of the start", PURPLE, "s"),
    "kernel": ("kernel of the start", ORANGE, "o"),
}
_KERNELS = {"SGD": (BLUE, "o"), "SignGD": (GREEN, "s"), "A-SignGD": (ORANGE, "D")}
_BASELINES = {
    "chance": (GREY, ":"),
    "majority class": (GREY, "-."),
    "zero-shot": (PURPLE, "--"),
    "zero-shot, calibrated": (PURPLE, "-"),
}


def first_step_errors(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the error of the first step's prediction against the learning rate, a panel per function.

    Args:
        tables: By title, a row per `optimiser`, example and `rate`: the norms `change` and `error`.
    """
    figure, axes = plt.subplots(1, len(tables), figsize=(4.0 * len(tables), 3.5), squeeze=False)
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        for optimiser, rows in table.groupby("optimiser"):
            label, colour, marker = _OPTIMISERS[str(optimiser)]
            errors = rows.groupby("rate").error
            rates, middle = np.array(errors.median().index, dtype=float), errors.median().to_numpy()
            axis.fill_between(rates, errors.min(), errors.max(), color=colour, alpha=0.18, linewidth=0)
            axis.plot(rates, middle, color=colour, marker=marker, markersize=4, label=label)
            change = rows.groupby("rate").change.median()
            axis.plot(rates, change, "--", color=colour, linewidth=1, alpha=0.7)
            _guide(axis, rates, middle)
        axis.set(title=title, xscale="log", yscale="log", xlabel="learning rate η")
        for each in (axis.xaxis, axis.yaxis):
            each.set_major_locator(LogLocator(numticks=8))
            each.set_minor_formatter(NullFormatter())
        axis.grid(visible=True)
    axes[0, 0].set_ylabel("change of the outputs")
    handles = axes[0, 0].get_legend_handles_labels()[0]
    handles += [
        Line2D([], [], linestyle="--", color=GREY, linewidth=1, label="the change itself"),
        Line2D([], [], linestyle=":", color="black", linewidth=1.2, label="slope 2"),
    ]
    for handle in handles[:2]:
        handle.set_label(f"error, {handle.get_label()}")
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8.5)
    return figure


def predicted_steps(runs: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw measured and predicted changes of the outputs over steps, a column per run.

    Upper row: what has become of three probes, the ones that the steps moved least, most and in between.
    Lower row: the relative error of every step over all probes, by prediction.

    Args:
        runs: By title: `measured` `(T, m, k)`; `predicted` of the same shape by name; and `kernel`, the name
            of the one that is the optimiser's own. Of the others, `current` and `frozen` are drawn.
    """
    figure, axes = plt.subplots(
        2, len(runs), figsize=(2.75 * len(runs) + 0.6, 5.0), squeeze=False, sharex="col", sharey="row"
    )
    for (upper, lower), (title, found) in zip(axes.T, runs.items(), strict=True):
        measured = np.asarray(found["measured"], dtype=float)
        shown = {
            name: found["predicted"][name] for name in ("current", "frozen") if name in found["predicted"]
        }
        shown["kernel"] = found["predicted"][found["kernel"]]
        _trajectories(upper, measured, np.asarray(shown["kernel"], dtype=float))
        for name, each in shown.items():
            label, colour, marker = _PREDICTIONS[name]
            apart = np.linalg.norm(np.asarray(each) - measured, axis=(1, 2))
            errors = apart / np.linalg.norm(measured, axis=(1, 2))
            steps = np.arange(1, len(errors) + 1)
            lower.plot(steps, errors, marker=marker, color=colour, markersize=3.5, linewidth=1.2, label=label)
        upper.set(title=title)
        lower.set(xlabel="step", yscale="log")
        lower.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        for axis in (upper, lower):
            axis.grid(visible=True)
    axes[0, 0].set_ylabel("output, change since the start")
    axes[1, 0].set_ylabel("relative error of the step")
    handles = [
        Line2D([], [], color="black", linewidth=1.4, label="measured"),
        *(
            Line2D([], [], color=colour, marker=marker, markersize=4, linewidth=1.2, label=label)
            for label, colour, marker in _PREDICTIONS.values()
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8.5)
    return figure


def kernel_solver_accuracies(rows: pd.DataFrame) -> Figure:
    """Draw the test accuracy of every kernel with every solver, a panel per task.

    Args:
        rows: A row per `title` (of the task), `kernel`, `solver` and draw: `accuracy`, missing where the
            solver does not take the kernel. Rows with an empty kernel are baselines, whose mean is drawn.
    """
    titles = list(dict.fromkeys(rows.title))
    solvers = list(dict.fromkeys(rows[rows.kernel != ""].solver))
    figure, axes = plt.subplots(
        1,
        len(titles),
        figsize=(3.6 * len(titles) + 1.2, 0.72 * len(solvers) + 1.7),
        sharey=True,
        squeeze=False,
    )
    for axis, title in zip(axes[0], titles, strict=True):
        of_task = rows[rows.title == title]
        known = of_task[of_task.kernel == ""].groupby("solver").accuracy.mean()
        for name, (colour, style) in _BASELINES.items():
            if name in known:
                axis.axvline(known[name], color=colour, linestyle=style, linewidth=1.1, label=name)
        for place, solver in enumerate(solvers):
            for shift, kernel in zip((-0.24, 0.0, 0.24), _KERNELS, strict=True):
                found = of_task[(of_task.solver == solver) & (of_task.kernel == kernel)].accuracy
                _accuracies(axis, found.to_numpy(dtype=float), place + shift, kernel)
        axis.set(title=title, xlabel="test accuracy")
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(solvers)), solvers)
    axes[0, 0].set_ylim(len(solvers) - 0.5, -0.5)
    handles = axes[0, 0].get_legend_handles_labels()[0] + [
        Line2D([], [], linewidth=0, marker=marker, color=colour, label=f"kernel of {name}")
        for name, (colour, marker) in _KERNELS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def _guide(axis: Axes, rates: np.ndarray, errors: np.ndarray) -> None:
    """Draw a line of slope 2 under the upper half of a curve."""
    upper = rates[len(rates) // 2 :]
    anchor = errors[len(errors) // 2 :]
    offset = np.median(np.log(np.maximum(anchor, 1e-300)) - 2 * np.log(upper))
    axis.plot(upper, 0.4 * np.exp(offset) * upper**2, ":", color="black", linewidth=1.2)


def _trajectories(axis: Axes, measured: np.ndarray, predicted: np.ndarray) -> None:
    """Draw how the first output of three probes went, and was predicted to go."""
    begin = np.zeros(measured.shape[1])
    totals = [np.vstack([begin, each[:, :, 0].cumsum(axis=0)]) for each in (measured, predicted)]
    order = np.argsort(totals[0][-1], kind="stable")
    steps = np.arange(len(measured) + 1)
    for probe in dict.fromkeys((int(order[0]), int(order[len(order) // 2]), int(order[-1]))):
        axis.plot(steps, totals[0][:, probe], color="black", linewidth=1.4)
        _, colour, marker = _PREDICTIONS["kernel"]
        axis.plot(steps, totals[1][:, probe], marker=marker, color=colour, markersize=3.5, linewidth=0)


def _accuracies(axis: Axes, found: Sequence[float] | np.ndarray, place: float, kernel: str) -> None:
    """Draw the accuracies of one pair: small dots for draws, a large one for their mean."""
    colour, marker = _KERNELS[kernel]
    values = np.asarray(found, dtype=float)
    if not len(values) or np.isnan(values).all():
        axis.text(
            0.5,
            place,
            f"{kernel}: not defined",
            transform=axis.get_yaxis_transform(),
            color=GREY,
            fontsize=7.5,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        return
    axis.plot(
        values, np.full(len(values), place), marker, color=colour, markersize=3, alpha=0.55, linewidth=0
    )
    axis.plot(values.mean(), place, marker, color=colour, markersize=6.5, markeredgecolor="white")
