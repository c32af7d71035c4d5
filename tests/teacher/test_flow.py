"""The gradient flow: its loss falls, its ends are the teacher, and small steps of descent follow it."""

from dataclasses import replace

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher import population
from lintune.teacher.flow import flow
from lintune.teacher.problem import problem
from lintune.teacher.sgd import paths
from lintune.teacher.student import start
from lintune.teacher.training import Training
from tests.teacher.worlds import NAMES, instances, student_of


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("c_rate", [0.0, 0.5])
@pytest.mark.parametrize("sigma", NAMES)
def test_the_loss_falls_on_the_spheres(sigma: str, c_rate: float, outside: bool) -> None:
    given = instances(sigma, 3, count=2, inside=0.0 if outside else 0.5)
    student = student_of(given, 3)
    found = flow(given, student, np.linspace(0, 3, 7), c_rate=c_rate, outside=outside)  # type: ignore[arg-type]
    loss = np.array([population.loss(given, each) for each in found])
    assert (np.diff(loss, axis=0) <= 1e-7 * (1 + loss[0])).all()
    for each in found:
        np.testing.assert_allclose(np.linalg.norm(each.u, axis=1), 1)
        np.testing.assert_allclose(np.linalg.norm(each.c, axis=1), 1)
        if outside:
            np.testing.assert_allclose(each.inside, 0, atol=1e-12)
    if not c_rate:
        np.testing.assert_allclose(found[-1].c, student.c, atol=1e-12)


def test_a_student_that_knows_c_ends_at_the_teacher() -> None:
    given = problem("relu", 4, 30, 2.0, base="sphere", instances=3, seed=1)
    end = flow(given, start(given, 2, agreeing=4).at(0.1), [0.0, 60.0], c_rate=1.0)[-1]
    np.testing.assert_allclose(end.overlap(given), 1, atol=1e-6)
    np.testing.assert_allclose(population.loss(given, end), 0, atol=1e-6)


def test_flow_from_the_middle_is_the_flow() -> None:
    given = instances("he3", 5, inside=0.4)
    student = student_of(given, 5, inside=True)
    whole = flow(given, student, [0.5, 1.5], c_rate=0.3, outside=False)
    rest = flow(given, whole[0], [1.0], c_rate=0.3, outside=False)[0]
    np.testing.assert_allclose(rest.u, whole[1].u, atol=1e-5)
    np.testing.assert_allclose(rest.c, whole[1].c, atol=1e-5)


@pytest.mark.parametrize("inside", [0.0, 0.5])
def test_small_steps_of_joint_descent_follow_it(inside: float) -> None:
    count, rate, last = 100, 2e-4, 3000
    one = problem("sigmoid", 3, 12, 3.0, inside=inside, quantised=False, seed=4)
    student = student_of(one, 5)
    many, taken = one.take([0] * count), student.take(np.zeros(count, dtype=int))
    training = Training(30 * rate, 30 * rate, outside=not inside)
    end = paths(many, training, taken, [last], 6)[last]
    expected = flow(one, student, [30 * rate * last], c_rate=1.0, outside=not inside)[0]
    for found, said in (
        (end.overlap(many), expected.overlap(one)),
        (end.c_overlap(many), expected.c_overlap(one)),
    ):
        # Besides chance, an allowance for the size of the steps.
        assert abs(found.mean() - said[0]) < 4 * found.std() / count**0.5 + 0.02
    assert abs(expected.overlap(one)[0] - student.overlap(one)[0]) > 0.1


def test_a_turned_axis_turns_the_flow() -> None:
    given = instances("relu", 6, count=2)
    student = student_of(given, 6)
    one = flow(given, student, [1.0], c_rate=0.5)[0]
    other = flow(given, replace(student, along=-student.along, c=-student.c), [1.0], c_rate=0.5)[0]
    np.testing.assert_allclose(other.along, -one.along, atol=1e-6)
    np.testing.assert_allclose(other.c, -one.c, atol=1e-6)


@pytest.mark.parametrize("times", [[], [-0.1, 1.0], [0.0, 1.0, 1.0]])
def test_times_increase_from_zero_on(times: list[float]) -> None:
    given = instances("relu", 0)
    with pytest.raises(InputError, match="must increase from 0 on"):
        flow(given, student_of(given, 0), times)
