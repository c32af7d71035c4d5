"""Figures of the decomposition view: how changes are met, by which form, from which start."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

_FORMS = {"LoRA": (BLUE, "-"), "TriLoRA": (ORANGE, "--"), "FLoRA": (GREEN, "-."), "weights": (GREY, ":")}
_DIALS = {
    "any change of rank r": (BLUE, "o-"),
    "LoRA, A held": (SKY, "o--"),
    "best rows": (ORANGE, "s-"),
    "best columns": (GREEN, "^-"),
    "best entries": (PURPLE, "d-"),
}
_FIXED = {
    "singular values": (GREY, "X"),
    "IA3": (RED, "P"),
    "SSL": (RED, "*"),
    "SSB": (RED, "h"),
}


def reconstruction_errors(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw what each family leaves of real changes against its number of parameters, a panel per change.

    Args:
        tables: By title, rows of `family`, `rank`, `parameters` and `error`.
    """
    figure, axes = plt.subplots(1, len(tables), figsize=(4.3 * len(tables), 3.6), squeeze=False, sharey=True)
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        for family, (colour, style) in (_DIALS | _FIXED).items():
            here = table[table.family == family].sort_values("parameters")
            axis.plot(here.parameters, here.error, style, color=colour, markersize=5, label=family)
        axis.set(title=title, xscale="log", xlabel="parameters")
        axis.set_ylim(0, 1.05)
        axis.xaxis.set_minor_formatter("")
        axis.grid(visible=True)
    axes[0, 0].set_ylabel("share of the change that is left")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8)
    return figure


def matching_paths(found: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the error of each form over steps: a row per optimiser, a column per layer.

    Args:
        found: Of each layer, form and optimiser: `layer`, `form`, `optimiser`, `errors` `(S, T)`, `floor`.
    """
    layers = list(dict.fromkeys(each["layer"] for each in found))
    optimisers = list(dict.fromkeys(each["optimiser"] for each in found))
    size = (3.3 * len(layers) + 0.6, 2.6 * len(optimisers) + 0.5)
    figure, axes = plt.subplots(len(optimisers), len(layers), figsize=size, squeeze=False, sharex=True)
    for row, optimiser in zip(axes, optimisers, strict=True):
        for axis, layer in zip(row, layers, strict=True):
            here = [each for each in found if each["layer"] == layer and each["optimiser"] == optimiser]
            _paths(axis, here)
            name = {"gd": "gradient descent", "adam": "Adam"}.get(optimiser, optimiser)
            axis.set_title(f"{layer.rpartition('.')[2]}, {name}")
        row[0].set_ylabel("share left")
    for axis in axes[-1]:
        axis.set_xlabel("step")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def start_spectra(spectra: Mapping[str, np.ndarray], of_all: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draw the eigenvalues of each form's kernel at the start: of one layer, and of all together.

    Args:
        spectra: Of one layer, eigenvalues over the largest, from the largest on, by form.
        of_all: The same of all layers together.
        title: Name of the layer.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.3), sharey=True)
    for axis, each, name in zip(axes, (spectra, of_all), (title, "all layers of the block"), strict=True):
        for form, (colour, style) in _FORMS.items():
            values = np.asarray(each[form])
            shown = np.where(values > 1e-7, values, np.nan)
            axis.plot(
                np.arange(1, len(values) + 1),
                shown,
                style,
                marker=".",
                color=colour,
                label=form,
                linewidth=1.3,
            )
        axis.set(title=name, xscale="log", yscale="log", xlabel="place of the eigenvalue")
        axis.grid(visible=True)
    axes[0].set_ylabel("eigenvalue over the largest")
    axes[0].legend(fontsize=8)
    return figure


def pattern_paths(runs: Sequence[Mapping[str, Any]], flow: Sequence[float]) -> Figure:
    """Draw what penalties make of the factors along training.

    Args:
        runs: Of each method: `name`, and by step `factors` with `a`, `b_crossed` and `b_norm`.
        flow: `b_norm` that the theory has for MPC_o alone, by step from where LoRA's B is after one step.
    """
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3))
    titles = {"a": "A from orthonormal", "b_norm": "size of B", "b_crossed": "B off the diagonal"}
    colours = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY)
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        for place, each in enumerate(runs):
            values = [factors[key] for factors in each["factors"]]
            style = "-" if place < 3 else "--"
            axis.plot(values, style, color=colours[place % 6], linewidth=1.4, label=each["name"])
        if key == "b_norm":
            axis.plot(np.arange(1, len(flow) + 1), flow, ":", color=GREY, label="the penalty alone, theory")
        axis.set(title=title, xlabel="step of gradient descent")
        axis.grid(visible=True)
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _paths(axis: Axes, found: Sequence[Mapping[str, Any]]) -> None:
    """Draw the paths of one layer under one optimiser, with the floor."""
    for each in found:
        colour, style = _FORMS[each["form"]]
        for place, path in enumerate(np.asarray(each["errors"])):
            axis.plot(path, style, color=colour, linewidth=1.3, label=None if place else each["form"])
    axis.axhline(found[0]["floor"], color=GREY, linestyle=":", label="best change of rank r")
    axis.set_ylim(0, 1.05)
    axis.grid(visible=True)
