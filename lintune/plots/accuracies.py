"""Figures of accuracies, a dot for each draw."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lintune.plots.style import BLUE, GREY, RED


def accuracies(results: Mapping[str, Mapping[str, Sequence[float]]], chance: Mapping[str, float]) -> Figure:
    """Draw accuracy per way and seed: a dot per seed, a bar at the mean, one panel per task.

    Args:
        results: Accuracies over seeds by way, by task; a way that a task lacks stays empty there.
        chance: Accuracy of guessing, by task.
    """
    ways = list(dict.fromkeys(way for by_way in results.values() for way in by_way))
    figure, axes = plt.subplots(
        1, len(results), figsize=(4.1 * len(results), 0.42 * len(ways) + 1.3), squeeze=False, sharey=True
    )
    for axis, (title, by_way) in zip(axes[0], results.items(), strict=True):
        for place, way in enumerate(reversed(ways)):
            found = np.asarray(by_way.get(way, []), dtype=float)
            colour = BLUE if "kernel" in way else GREY
            if len(found):
                axis.plot(
                    found,
                    np.full(len(found), place),
                    "o",
                    color=colour,
                    alpha=0.45,
                    markersize=6,
                    markeredgewidth=0,
                )
                axis.plot([found.mean()] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=2.6)
        axis.axvline(chance[title], color=RED, linewidth=1, linestyle="--")
        axis.text(chance[title] + 0.015, -0.55, "chance", color=RED, fontsize=8, va="bottom")
        axis.set_yticks(range(len(ways)), list(reversed(ways)))
        axis.set(title=title, xlabel="test accuracy", xlim=(0, 1), ylim=(-0.6, len(ways) - 0.4))
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    return figure
