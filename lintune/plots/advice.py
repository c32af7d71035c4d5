"""The figure of advice: what candidates are predicted to come to, and predicted runs beside real steps."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lintune.plots.style import BLUE, GREY, ORANGE

_BEST = 10


def advice(found: Mapping[str, Any]) -> Figure:
    """Draw the predicted held-out losses of the best candidates, and the predicted runs of two of them.

    Args:
        found: `rows` in order, each with `candidate`, `predicted held-out loss`, `error` (standard error of
            its difference from the first's; None for none), `tie` and `twin` (left out where true); `first`
            and `default`, names, the latter None for none; `start` with `loss`; `chance`; `curves` by name,
            with `training` and `held-out` `(steps + 1,)`; `probes`, each with `candidate`, `real` and
            `predicted`, losses of batches, None where there is none.
    """
    shown = [
        row
        for place, row in enumerate(row for row in found["rows"] if not row["twin"])
        if place < _BEST or row["candidate"] == found["default"]
    ]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.6, max(3.9, 0.28 * len(shown) + 1.9)), width_ratios=(1.25, 1)
    )
    _losses(left, found, shown)
    _runs(right, found)
    return figure


def _losses(axis: Axes, found: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> None:
    for place, row in enumerate(rows):
        colour = _colour(row["candidate"], found)
        axis.errorbar(
            row["predicted held-out loss"],
            place,
            xerr=row["error"],
            fmt="o",
            markersize=6,
            color=colour,
            markerfacecolor=colour if row["tie"] else "white",
            elinewidth=1.2,
        )
    for loss, style, label in (
        (found["start"]["loss"], ":", "the model as it is"),
        (found["chance"], "--", "guessing"),
    ):
        axis.axvline(loss, color=GREY, linestyle=style, linewidth=1, label=label)
    axis.plot([], [], "o", color=GREY, label="tie with the first")
    axis.plot([], [], "o", color=GREY, markerfacecolor="white", label="more than one error above it")
    axis.set_yticks(range(len(rows)), [_label(row, found) for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set(
        title="predicted held-out loss", xlabel="cross-entropy; bars: standard error of the gap to the first"
    )
    axis.grid(visible=True, axis="x")
    _legend_below(axis)


def _runs(axis: Axes, found: Mapping[str, Any]) -> None:
    for name, curve in found["curves"].items():
        colour = _colour(name, found)
        steps = np.arange(len(curve["training"]))
        axis.plot(steps, curve["training"], color=colour, label=f"{_short(name, found)}, training examples")
        axis.plot(
            steps, curve["held-out"], "--", color=colour, label=f"{_short(name, found)}, held-out examples"
        )
    for probe in found["probes"]:
        colour = _colour(probe["candidate"], found)
        which = _short(probe["candidate"], found)
        real, predicted = (_numbers(probe[key]) for key in ("real", "predicted"))
        axis.plot(
            np.arange(len(predicted)), predicted, "o", markersize=8, markerfacecolor="none", color=colour
        )
        axis.plot(np.arange(len(real)), real, "x", markersize=6, color=colour, label=f"{which}, real batches")
    if found["probes"]:
        axis.plot([], [], "o", markersize=8, markerfacecolor="none", color=GREY, label="predicted for them")
    axis.set(title="predicted runs", xlabel="step", ylabel="cross-entropy", ylim=(0, None))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(visible=True)
    _legend_below(axis)


def _legend_below(axis: Axes) -> None:
    axis.legend(fontsize=7.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.15))


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])


def _colour(name: str, found: Mapping[str, Any]) -> str:
    return ORANGE if name == found["default"] and name != found["first"] else BLUE


def _short(name: str, found: Mapping[str, Any]) -> str:
    return "first" if name == found["first"] else "default"


def _label(row: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return f"{row['candidate']} (default)" if row["candidate"] == found["default"] else str(row["candidate"])
