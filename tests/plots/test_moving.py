"""Pictures of movable figures: each shows its place, and all of a figure have the same axes."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from matplotlib.figure import Figure

from lintune.plots import moving as drawn

GROWN = [
    {"count": count, "eigenvalues": [count * 2.0, count * 0.5, 0.0], "cosines": np.eye(3).tolist()}
    for count in (1, 4)
]
RANKS = [
    {"rank": rank, "kernel": np.full((3, 3), value), "error": abs(value - 1)}
    for rank, value in ((2, 1.7), (None, 1.0))
]
STUDENTS = [
    {
        "ratio": ratio,
        "times": [0.0, 1.0 + ratio],
        "network": [[1.0, 1e-9], [1.0, 1e-3]],
        "linear": [[1.0, ratio], [1.0, ratio]],
        "plateau": [ratio, ratio / 2],
    }
    for ratio in (0.2, 0.6)
]


@pytest.mark.parametrize(
    "draw",
    [
        lambda place: drawn.grown_kernel(GROWN, place, [0, 1, 0]),
        lambda place: drawn.lora_kernel(RANKS, place),
        lambda place: drawn.students(STUDENTS, place),
    ],
)
def test_axes_are_the_same_at_every_place(draw: Callable[[int], Figure]) -> None:
    figures = [draw(place) for place in (0, 1)]
    for one, other in zip(*(figure.axes for figure in figures), strict=True):
        assert (one.get_xlim(), one.get_ylim()) == (other.get_xlim(), other.get_ylim())


def legend(figure: Figure, axis: int) -> Sequence[str]:
    found = figure.axes[axis].get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def test_spectrum_is_that_of_the_place() -> None:
    figure = drawn.grown_kernel(GROWN, 0, [0, 1, 0])
    assert legend(figure, 1) == ["4 blocks", "1 block"]
    assert np.asarray(figure.axes[1].lines[1].get_ydata()).tolist() == [2, 0.5, 0]


def test_kernel_and_its_error_are_those_of_the_rank() -> None:
    axes = drawn.lora_kernel(RANKS, 0).axes
    assert axes[0].get_title(loc="left") == "LoRA, rank 2"
    assert axes[2].get_title(loc="left") == "relative error 70%"
    assert drawn.lora_kernel(RANKS, 1).axes[0].get_title(loc="left") == "kernel of the weights"


def test_losses_are_those_of_the_place() -> None:
    right = drawn.students(STUDENTS, 1).axes[1]
    assert right.get_title(loc="left") == r"$\xi/\sqrt{k}=0.6$"
    network = next(line for line in right.lines if line.get_label() == "network")
    assert np.asarray(network.get_ydata()).tolist() == [1, (1e-4 + 1e-3) / 2]
