"""Figures of the model with two weights, f(x) = a b x, of its tangent model, and of a growth curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREEN, GREY, ORANGE, RED

REAL, TANGENT = "model", "tangent model"


def tangent_plane(start: Sequence[float], levels: Sequence[float]) -> Figure:
    """Draw the product a b and its tangent plane: along the gradient, and as level lines.

    Args:
        start: (a0, b0), where the plane touches.
        levels: Values of the level lines.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
    begin = np.asarray(start, dtype=np.float64)
    slope = np.linalg.norm(begin)
    steps = np.linspace(-1.5, 1.5, 121)
    along = begin + steps[:, None] * begin[::-1] / slope
    left.plot(steps, along.prod(axis=1), color=BLUE, label=REAL)
    left.plot(steps, begin.prod() + slope * steps, "--", color=ORANGE, label=TANGENT)
    left.plot(0, begin.prod(), "o", color=GREY, markersize=6, label="start")
    left.set(title="along the gradient", xlabel=r"step from $\theta_0$", ylabel="output at $x=1$")
    left.legend(fontsize=8)
    left.grid(visible=True)
    a, b = _plane(right, begin, 1.5)
    drawn = right.contour(a, b, a * b, levels, colors=BLUE, linewidths=1.4)
    right.clabel(drawn, fontsize=7.5)
    tangent = begin.prod() + begin[1] * (a - begin[0]) + begin[0] * (b - begin[1])
    right.contour(a, b, tangent, levels, colors=ORANGE, linewidths=1.2, linestyles="dashed")
    right.plot(*begin, "o", color=GREY, markersize=6)
    right.set_title("level lines in the plane of the weights")
    return figure


def two_ways(found: Mapping[str, Any], start: Sequence[float], target: float, reach: float = 1.0) -> Figure:
    """Draw the paths of both models without a pull, and their residuals over time on a logarithmic axis.

    Args:
        found: `times` `(T,)` and the weights `real` and `linear` `(T, 2)`.
        start: (a0, b0).
        target: Output that is asked for.
        reach: Half the side of the part of the plane that is drawn.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
    real, linear = np.asarray(found["real"]), np.asarray(found["linear"])
    _paths(left, real, linear, start, target, reach)
    begin = np.asarray(start, dtype=np.float64)
    outputs = begin.prod() + (linear - begin) @ begin[::-1]
    right.semilogy(found["times"], np.abs(target - real.prod(axis=1)), color=BLUE, label=REAL)
    right.semilogy(found["times"], np.abs(target - outputs), "--", color=ORANGE, label=TANGENT)
    right.set(title="what is left to learn", xlabel="time", ylabel="size of the residual")
    right.grid(visible=True)
    right.legend(fontsize=8)
    return figure


def pulled(
    found: Mapping[str, Any], times: np.ndarray, start: Sequence[float], target: float, reach: float = 1.0
) -> Figure:
    """Draw the paths of both models under one pull, and their outputs over time.

    Args:
        found: A row of `studies.two_weights.pulls`.
        times: `(T,)`.
        start: (a0, b0).
        target: Output that is asked for.
        reach: Half the side of the part of the plane that is drawn.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
    _paths(left, np.asarray(found["real"]), np.asarray(found["linear"]), start, target, reach)
    left.legend([REAL, TANGENT], fontsize=8, loc="lower left", frameon=True, edgecolor="none")
    begin = float(np.prod(start))
    right.plot(times, found["outputs"], color=BLUE)
    right.plot(times, found["linear_outputs"], "--", color=ORANGE)
    right.axhline(target, color=RED, linewidth=1.2)
    right.text(times[-1], target, "target ", color=RED, fontsize=8.5, ha="right", va="bottom")
    gap = abs(target - begin)
    low, high = min(begin, target) - 0.1 * gap, max(begin, target) + 0.2 * gap
    right.set(title=rf"$\lambda={found['strength']:g}$", xlabel="time", ylabel="output", ylim=(low, high))
    right.set_xlim(times[0], times[-1])
    right.grid(visible=True)
    return figure


def lazy(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Draw how far the outputs part against what is asked for over the kernel, with the bound.

    Args:
        rows: What `studies.two_weights.scales` returns.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.4))
    ratio = [row["ratio"] for row in rows]
    axis.loglog(ratio, [row["apart"] for row in rows], "o-", color=BLUE, markersize=4.5, label="measured")
    axis.loglog(ratio, [row["bound"] for row in rows], "--", color=ORANGE, label="bound")
    axis.set(xlabel=r"change asked for, over the kernel: $|r_0|/K_0$", ylabel=r"largest distance / $|r_0|$")
    axis.grid(visible=True)
    axis.legend()
    return figure


def growth_speeds(found: Mapping[str, Any], shown: Sequence[int]) -> Figure:
    """Draw the two curves through the measurements on their way, and the residual of each mode over time.

    Args:
        found: What `studies.growth_curve.growth` returns, for two measurements.
        shown: Indices of the times at which curves are drawn, the last one in full colour.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.5))
    inputs, times = np.asarray(found["inputs"]), np.asarray(found["times"])
    x = np.linspace(1.6 * inputs.min(), 1.6 * inputs.max(), 81)
    for place, index in enumerate(shown):
        last, strength = place == len(shown) - 1, (place + 2) / (len(shown) + 1)
        (a, b), (c, d) = found["curve_weights"][index], found["line_weights"][index]
        left.plot(x, a * np.exp(b * x), color=BLUE, alpha=strength, label=REAL if last else None)
        left.plot(x, c + d * x, "--", color=ORANGE, alpha=strength, label=TANGENT if last else None)
    left.plot(inputs, found["targets"], "o", color=RED, label="measured")
    left.set(title=f"at the times {', '.join(f'{times[i]:g}' for i in shown)}", xlabel="$x$", ylabel="output")
    modes = zip(np.asarray(found["eigenvalues"]), (BLUE, GREEN), strict=True)
    for mode, (value, colour) in enumerate(modes):
        for way, style in (("curve", "-"), ("line", "--")):
            size = np.abs(np.asarray(found[way])[:, mode])
            label = f"eigenvalue {value:g}" if way == "curve" else None
            right.semilogy(times, size, style, color=colour, linewidth=1.5, label=label)
    right.plot([], [], "--", color=GREY, label=TANGENT)
    right.set(title="what is left of each mode", xlabel="time", ylabel="size of the residual", ylim=(1e-3, 1))
    for axis in (left, right):
        axis.grid(visible=True)
        axis.legend(fontsize=8)
    return figure


def _paths(
    axis: Axes, real: np.ndarray, linear: np.ndarray, start: Sequence[float], target: float, reach: float
) -> None:
    """Draw both paths over the level lines of the output; the target's is red, its tangent's dashed."""
    begin = np.asarray(start, dtype=np.float64)
    a, b = _plane(axis, begin, reach)
    axis.contour(a, b, a * b, np.arange(-20, 21) / 2, colors="#D5D5D5", linewidths=0.8)
    axis.contour(a, b, a * b, [target], colors=RED, linewidths=1.4)
    tangent = begin.prod() + begin[1] * (a - begin[0]) + begin[0] * (b - begin[1])
    axis.contour(a, b, tangent, [target], colors=RED, linewidths=1.1, linestyles="dashed")
    for path, colour, style in ((real, BLUE, "-"), (linear, ORANGE, "--")):
        axis.plot(*path.T, style, color=colour, linewidth=2.2)
    for path, colour in ((real, BLUE), (linear, ORANGE)):
        axis.plot(*path[-1], "o", color=colour, markersize=5)
    axis.plot(*begin, "o", color=GREY, markersize=6)
    axis.annotate("start", tuple(begin), (4, -11), textcoords="offset points", fontsize=8.5, color=GREY)
    axis.set_title("the way of the weights")


def _plane(axis: Axes, centre: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the axis the plane of the weights around a centre, and return its grid."""
    a, b = (np.linspace(middle - reach, middle + reach, 161) for middle in centre)
    axis.set(xlim=(a[0], a[-1]), ylim=(b[0], b[-1]), xlabel="$a$", ylabel="$b$", aspect="equal")
    axis.set_anchor("W")
    first, second = np.meshgrid(a, b)
    return first, second
