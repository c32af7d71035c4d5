"""The figure of advice holds what it was given."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lintune.plots.advice import advice


def found(count: int = 12, default: str | None = "c11") -> dict[str, Any]:
    rows = [
        {
            "candidate": f"c{place}",
            "predicted held-out loss": 0.5 + place / 100,
            "error": None if place == 0 else 0.02,
            "tie": place < 3,
            "twin": False,
        }
        for place in range(count)
    ]
    curve = {"training": [0.9, 0.5, 0.3], "held-out": [0.9, 0.7, 0.6]}
    probe = {"candidate": "c0", "real": [0.8, None], "predicted": [0.8, 0.5, 0.4]}
    return {
        "rows": rows,
        "first": "c0",
        "default": default,
        "start": {"loss": 0.9},
        "chance": 0.693,
        "curves": {name: curve for name in ("c0", default) if name},
        "probes": [probe],
    }


def lines(axis: Axes) -> dict[object, list[float]]:
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.lines}


def test_the_best_and_the_default_are_shown() -> None:
    left, _ = advice(found()).axes
    assert [label.get_text() for label in left.get_yticklabels()] == [
        *(f"c{place}" for place in range(10)),
        "c11 (default)",
    ]
    dots = [line for line in left.lines if line.get_marker() == "o" and len(np.asarray(line.get_xdata()))]
    np.testing.assert_allclose(
        [float(np.asarray(dot.get_xdata())[0]) for dot in dots], [*(0.5 + np.arange(10) / 100), 0.61]
    )
    filled = [dot.get_markerfacecolor() != "white" for dot in dots]
    assert filled == [True] * 3 + [False] * 8
    upright = {line.get_label(): np.asarray(line.get_xdata()).tolist()[:1] for line in left.lines}
    assert (upright["the model as it is"], upright["guessing"]) == ([0.9], [0.693])


def test_bars_are_the_standard_errors() -> None:
    left, _ = advice(found(3, default=None)).axes
    ends = [np.ptp(part.get_segments()[0][:, 0]) for part in left.collections]  # type: ignore[attr-defined]
    np.testing.assert_allclose(ends, [0.04, 0.04])


def test_runs_stand_beside_real_steps() -> None:
    drawn = lines(advice(found()).axes[1])
    assert drawn["first, training examples"] == [0.9, 0.5, 0.3]
    assert drawn["default, held-out examples"] == [0.9, 0.7, 0.6]
    np.testing.assert_array_equal(drawn["first, real batches"], [0.8, np.nan])
    assert [0.8, 0.5, 0.4] in drawn.values()


def test_a_default_that_is_first_is_drawn_once() -> None:
    one = found(default="c0")
    drawn = lines(advice(one).axes[1])
    assert not any(str(label).startswith("default") for label in drawn)


def test_no_default_and_no_probe() -> None:
    figure = advice(found(2, default=None) | {"probes": []})
    figure.draw_without_rendering()
    assert not any("default" in str(label) or "real" in str(label) for label in lines(figure.axes[1]))
