"""The student's state: where it starts, and what is read off it."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher.problem import problem
from lintune.teacher.student import start
from tests.teacher.worlds import World, instances, student_of


def test_a_start_is_uniform_outside_the_span() -> None:
    given = problem("relu", 3, 9, 1.0, instances=4000)
    student = start(given, 1)
    assert (student.inside == 0).all()
    assert (student.aside >= 0).all()
    np.testing.assert_allclose(student.along**2 + student.aside**2, 1)
    for power, expected in ((1, 0), (2, 1 / 6), (4, 3 / (6 * 8))):  # of the sphere in 9 - 3 dimensions
        sample = student.along**power
        assert abs(sample.mean() - expected) < 4.5 * sample.std() / 4000**0.5
    np.testing.assert_allclose(np.abs(student.c), 3**-0.5)
    assert (np.abs(student.c.mean(0)) < 4.5 * (3 * 4000) ** -0.5).all()


def test_a_start_is_its_seed() -> None:
    given = problem("relu", 3, 9, 1.0, instances=5)
    one, same, other = (start(given, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.u, same.u)
    np.testing.assert_array_equal(one.c, same.c)
    assert not np.allclose(one.u, other.u)


@pytest.mark.parametrize("agreeing", [0, 1, 3])
def test_as_many_entries_of_c_agree_as_asked(agreeing: int) -> None:
    given = problem("relu", 3, 9, 1.0, instances=300, quantised=False)
    student = start(given, 1, agreeing=agreeing)
    np.testing.assert_array_equal(student.u, start(given, 1).u)
    agrees = student.c == given.c
    np.testing.assert_array_equal(agrees.sum(1), agreeing)
    np.testing.assert_array_equal(np.abs(student.c), np.abs(given.c))
    assert (np.abs(agrees.mean(0) - agreeing / 3) < 4.5 * (0.25 / 300) ** 0.5).all()


@pytest.mark.parametrize("agreeing", [-1, 4])
def test_no_more_entries_agree_than_there_are(agreeing: int) -> None:
    with pytest.raises(InputError, match=rf"agreeing={agreeing} must be from 0 to the width, 3"):
        start(problem("relu", 3, 9, 1.0), 0, agreeing=agreeing)


def test_overlaps_and_rows_are_those_in_r_d() -> None:
    given = instances("relu", 2, inside=0.5)
    student, world = student_of(given, 2, inside=True), World.of(given, 2)
    direct = world.direct(student)
    assert student.overlap(given)[0] == pytest.approx(direct.u @ direct.u_hat)
    assert student.c_overlap(given)[0] == pytest.approx(direct.c @ direct.c_hat)
    raw = direct.rows + direct.xi * np.outer(direct.c_hat, direct.u_hat)
    rows = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(student.rows(given)[0], rows @ world.axes[: given.rank + 2].T, atol=1e-12)


def test_a_student_may_be_put_at_an_overlap() -> None:
    given = problem("relu", 3, 9, 1.0, instances=2)
    student = start(given, 1)
    np.testing.assert_allclose(student.at(0.3).overlap(given), 0.3)
    np.testing.assert_allclose(student.at(np.array([-1.0, 0.5])).overlap(given), [-1, 0.5])
    np.testing.assert_allclose(np.linalg.norm(student.at(0.3).u, axis=1), 1)
    np.testing.assert_array_equal(student.at(0.3).c, student.c)


def test_some_instances_are_taken_in_order() -> None:
    given = problem("relu", 3, 9, 1.0, instances=4)
    student = start(given, 1)
    taken = student.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.u, student.u[[2, 0]])
    np.testing.assert_array_equal(taken.c, student.c[[2, 0]])
