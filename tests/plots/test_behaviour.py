"""Figures of kernel behaviour hold what they were given."""

from typing import Any

import numpy as np
import pandas as pd

from lintune import plots

KERNELS = ["K(SGD)", "K(SignGD)", "K(A-SignGD)"]
EMPTY = pd.DataFrame(columns=["title", "function", "gap", "chi", "way", "optimiser", "kernel", "score"])


def drawn(axis: Any) -> list[tuple[list[float], list[float]]]:
    """Return the points of each line of a panel."""
    lines = (
        (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)) for line in axis.lines
    )
    return [(np.round(x, 6).tolist(), np.round(y, 6).tolist()) for x, y in lines]


def gaps(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["title", "function", "gap", "chi"])


def test_every_draw_is_a_dot_and_the_median_a_bar() -> None:
    reference = gaps(
        ("A", "prompt", 0.1, 0.3),
        ("A", "prompt", 0.2, 0.3),
        ("A", "prompt", 0.6, 0.3),
        ("A", "fresh head", -0.1, 0.2),
        ("B", "prompt", 0.0, 0.4),
    )
    own = gaps(("B", "prompt", 0.5, 0.1), ("C", "prompt", 0.9, 0.1))
    figure = plots.by_function(reference, own, {"gap": "gap in accuracy", "chi": "chi"})
    left, right = figure.axes
    points = drawn(left)
    assert ([0.1, 0.2, 0.6, 0.0], [-0.16, -0.16, -0.16, 0.84]) in points
    assert ([0.2, 0.2], [-0.31, -0.01]) in points
    assert ([-0.1], [0.16]) in points
    assert ([0.5], [0.84]) in points
    assert not any(0.9 in x for x, _ in points)
    assert [label.get_text() for label in left.get_yticklabels()] == ["A", "B"]
    assert [axis.get_xlabel() for axis in (left, right)] == ["gap in accuracy", "chi"]
    figure.draw_without_rendering()


def test_no_run_of_ones_own_leaves_the_reference_alone() -> None:
    figure = plots.by_function(gaps(("A", "prompt", 0.1, 0.3)), EMPTY, {"gap": "gap"})
    figure.draw_without_rendering()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["prompt", "fresh head"]


def scores(title: str, base: float) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"way": "chance", "score": 0.5},
        {"way": "majority", "score": 0.55},
        *({"way": "zero-shot", "score": base + 0.01 * seed} for seed in range(3)),
        {"way": "zero-shot, calibrated", "score": 0.6},
    ]
    for optimiser, kernel in (("sgd", "K(SGD)"), ("adam", "K(A-SignGD)")):
        rows += [{"way": "linearised", "optimiser": optimiser, "score": base + 0.1}]
        rows += [{"way": "fine-tuned", "optimiser": optimiser, "score": base + 0.2 + 0.1 * s} for s in (0, 1)]
        rows += [{"way": "kernel", "kernel": kernel, "score": base + 0.15}]
    return [{"title": title, "kernel": None, "optimiser": None, **row} for row in rows]


def test_scores_show_median_and_range_of_every_way() -> None:
    reference = pd.DataFrame(scores("A", 0.4) + scores("B", 0.3))
    figure = plots.starts_and_ends(reference, pd.DataFrame(scores("A", 0.6)))
    first, second = figure.axes
    points = drawn(first)
    assert ([0.0], [0.41]) in points
    assert ([0.0, 0.0], [0.4, 0.42]) in points
    assert ([1.0], [0.65]) in points
    assert ([1.0, 1.0], [0.6, 0.7]) in points
    assert ([0.74], [0.5]) in points
    assert ([2.26], [0.55]) in points
    assert ([1.0], [0.85]) in points  # of this machine
    assert ([1.0], [0.55]) in drawn(second)
    assert ([0.0, 1.0], [0.5, 0.5]) in points
    assert [label.get_text() for label in first.get_xticklabels()] == ["zero-shot", "SGD", "Adam"]
    figure.draw_without_rendering()


def test_runs_that_diverged_leave_their_place_empty() -> None:
    reference = pd.DataFrame(scores("A", 0.4))
    reference.loc[(reference.way == "fine-tuned") & (reference.optimiser == "adam"), "score"] = None
    figure = plots.starts_and_ends(reference, EMPTY)
    figure.draw_without_rendering()
    assert not any(x == [2.0] for x, _ in drawn(figure.axes[0]))


def test_what_is_carried_has_a_dot_per_task_and_a_bar_at_their_mean() -> None:
    def rows(title: str, values: list[float], kernel: str) -> list[dict[str, Any]]:
        return [
            {
                "title": title,
                "kernel": kernel,
                "carries fine-tuned, sgd": value,
                "carries fine-tuned, adam": -value,
            }
            for value in values
        ]

    reference = pd.DataFrame(
        rows("A", [0.2, 0.4, 0.9], "K(SGD)") + rows("B", [0.6], "K(SGD)") + rows("A", [0.1], "K(SignGD)")
    )
    own = pd.DataFrame(rows("A", [0.3], "K(A-SignGD)"))
    sgd, adam = plots.kernel_likeness(reference, own, KERNELS).axes
    assert ([0.4, 0.1, 0.6], [0.0, 1.0, 0.0]) in drawn(sgd)
    assert ([0.5, 0.5], [-0.25, 0.25]) in drawn(sgd)
    assert ([0.3], [2.18]) in drawn(sgd)
    assert ([-0.5, -0.5], [-0.25, 0.25]) in drawn(adam)
    assert [label.get_text() for label in sgd.get_yticklabels()] == KERNELS
    assert adam.get_title(loc="left") == "network trained by Adam"
