"""Figures of the student and its teacher draw what they are given."""

import matplotlib.pyplot as plt
import numpy as np

from lintune import teacher
from lintune.plots import student_teacher as plots
from lintune.studies import student_teacher as study
from lintune.teacher import Training, linear, population


def test_every_activation_has_its_line() -> None:
    figure = plots.dial(study.dial(["relu", "sigmoid"], 4, [0.1, 1.0], instances=2, seed=0))
    assert [line.get_label() for line in figure.axes[0].lines] == ["ReLU", "sigmoid"]
    plt.close(figure)


def test_speeds_are_over_that_at_zero() -> None:
    each = {"overlap": [-1.0, 0.0, 1.0], "closed": [2.0, 4.0, 8.0], "at": [0.5], "series": [6.0]}
    figure = plots.speeds({"relu": each})
    line, points = figure.axes[0].lines[:2]
    assert list(np.asarray(line.get_ydata())) == [0.5, 1.0, 2.0]
    assert list(np.asarray(points.get_ydata())) == [1.5]
    plt.close(figure)


def test_theory_lies_over_the_students() -> None:
    found = study.against_theory(
        "sigmoid", 3, 20, 1.0, agreeing=3, instances=4, delta=0.5, length=0.5, points=4
    )
    figure = plots.followed([[found], [found]], ["one", "two"])
    assert len(figure.axes) == 2
    np.testing.assert_allclose(np.asarray(figure.axes[0].lines[-3].get_ydata()), found["theory"])
    assert figure.axes[1].get_title(loc="left") == "sigmoid, two"
    plt.close(figure)


def test_instances_and_losses() -> None:
    given = teacher.problem("relu", 3, 20, 1.0, instances=3, seed=0)
    ways = {"network": Training(1e-3, 1e-3), "linear": Training(1e-3, student="linear", unit=False)}
    found = study.instances(given, teacher.start(given, 0), ways, steps=20, points=4, seed=0)
    figure = plots.ten(found, {"network": "both"})
    assert len(figure.axes[0].lines) == 3 + 1
    plt.close(figure)
    size, plateau = population.size(given), linear.plateau(given)
    figure = plots.losses(found, list(size), list(plateau))
    marks = figure.axes[0].lines[-1]
    np.testing.assert_allclose(np.asarray(marks.get_ydata()), plateau / size)
    plt.close(figure)
