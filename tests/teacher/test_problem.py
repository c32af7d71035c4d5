"""Instances of the problem: how they are drawn, the teacher's rows, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher.problem import Problem, problem
from tests.teacher.worlds import World, instances


def test_an_instance_is_drawn_as_said() -> None:
    given = problem("he3", 4, [20, 30], [1.0, 2.0], instances=2, seed=3)
    assert (len(given), given.width, given.rank, given.activation.name) == (2, 4, 4, "he3")
    np.testing.assert_array_equal(given.rows, np.stack([np.eye(4)] * 2))
    np.testing.assert_array_equal(np.abs(given.readout), 1)
    np.testing.assert_array_equal(np.abs(given.c), 0.5)
    np.testing.assert_array_equal(given.inside, 0)
    np.testing.assert_array_equal(given.outside, 1)
    np.testing.assert_array_equal(given.dimension, [20, 30])
    np.testing.assert_array_equal(given.xi, [1, 2])


def test_signs_are_even_chances_and_c_is_uniform_where_not_quantised() -> None:
    given = problem("relu", 3, 9, 1.0, instances=3000, quantised=False)
    assert (np.abs(given.readout.mean(0)) < 4.5 / 3000**0.5).all()
    np.testing.assert_allclose(np.linalg.norm(given.c, axis=1), 1)
    for power, expected in ((1, 0), (2, 1 / 3), (4, 3 / 15)):
        sample = given.c**power
        assert (np.abs(sample.mean(0) - expected) < 4.5 * sample.std(0) / 3000**0.5).all()
    assert len(np.unique(np.abs(given.c).round(6))) > 1000


def test_a_seed_is_a_problem() -> None:
    one, same, other = (
        problem("relu", 4, 20, 1.0, base="sphere", inside=0.5, seed=seed) for seed in (1, 1, 2)
    )
    for name in ("rows", "readout", "c", "inside"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.allclose(one.rows, other.rows)


def test_the_part_of_u_in_the_span_has_its_norm() -> None:
    for inside in (0.0, 0.25, 1.0):
        given = problem("relu", 4, 20, 1.0, inside=inside, instances=3)
        np.testing.assert_allclose(np.linalg.norm(given.inside, axis=1), inside)
        np.testing.assert_allclose(given.outside, (1 - inside**2) ** 0.5, atol=1e-7)


def test_the_teacher_is_that_in_r_d() -> None:
    given = instances("relu", 6, inside=0.7)
    world = World.of(given, 6)
    raw = world.rows + given.xi[0] * np.outer(given.c[0], world.u)
    rows = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(given.teacher[0] @ world.axes[: given.rank + 2], rows, atol=1e-12)
    np.testing.assert_allclose(given.base[0] @ world.axes[: given.rank + 2], world.rows, atol=1e-12)


def test_both_signs_of_c_and_u_turned_are_one_teacher() -> None:
    given = instances("relu", 6, inside=0.7)
    world = World.of(given, 6)
    mirrored = World(
        replace(given, c=-given.c, inside=-given.inside),
        world.axes * np.where(np.arange(len(world.axes)) == given.rank, -1, 1)[:, None],
    )
    for each in (world, mirrored):
        np.testing.assert_allclose(
            each.problem.teacher[0] @ each.axes[: given.rank + 2],
            given.teacher[0] @ world.axes[: given.rank + 2],
            atol=1e-12,
        )


def test_given_rows_are_those_of_every_instance() -> None:
    rows = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]])
    given = problem("relu", 3, 9, 1.0, base=rows, instances=2)
    assert (given.width, given.rank) == (3, 2)
    np.testing.assert_array_equal(given.rows, np.stack([rows, rows]))


def test_instances_are_taken_in_order() -> None:
    given = problem("relu", 3, 9, [1.0, 2.0, 3.0], instances=3)
    taken = given.take([2, 0])
    np.testing.assert_array_equal(taken.xi, [3, 1])
    np.testing.assert_array_equal(taken.teacher, given.teacher[[2, 0]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"instances": 0}, r"^instances=0 must be at least 1"),
        ({"inside": 1.5}, r"^inside=1.5 must be from 0 to 1"),
        ({"inside": -0.1}, r"^inside=-0.1 must be from 0 to 1"),
        ({"xi": 0.0}, r"^xi=0.0 must be positive and finite"),
        ({"xi": float("inf")}, r"^xi=inf must be positive and finite"),
        ({"xi": [1.0, -2.0], "instances": 2}, r"^xi=-2.0 must be positive"),
        ({"xi": [1.0, 2.0]}, r"^xi has 2 entries; one, or one for each of 1 instances"),
        ({"dimension": [9, 9]}, r"^dimension has 2 entries"),
        ({"dimension": 4}, r"^dimension=4 must be at least 5: the span, u, one more"),
        ({"base": "spher"}, r"^base='spher' must be 'orthonormal', 'sphere', or rows"),
        ({"base": np.eye(2)}, r"^base of shape \(2, 2\) must be rows \(k, r\) with width=3"),
        ({"base": 2 * np.eye(3)}, r"^rows must have norm 1"),
        ({"base": "sphere", "dimension": 2}, r"^dimension=2 must be at least the width, 3"),
        ({"width": 0}, r"^width=0 must be at least 1"),
        ({"sigma": "rellu"}, r"^activation='rellu' is not known. Did you mean 'relu'"),
    ],
)
def test_what_is_out_of_range_is_refused(changed: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"sigma": "relu", "width": 3, "dimension": 9, "xi": 1.0, **changed}
    with pytest.raises(InputError, match=message):
        problem(**arguments)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("readout", np.ones((2, 3)), r"^readout of shape \(2, 3\) must be \(1, 3\)"),
        ("c", np.ones((1, 2)), r"^c of shape \(1, 2\) must be \(1, 3\)"),
        ("inside", np.zeros((1, 2)), r"^inside of shape \(1, 2\) must be \(1, 3\)"),
        ("xi", np.ones(2), r"^xi of shape \(2,\) must be \(1,\)"),
        ("dimension", np.full(2, 9), r"^dimension of shape \(2,\) must be \(1,\)"),
        ("c", np.ones((1, 3)), r"^c must have norm 1"),
        ("inside", np.ones((1, 3)), r"^inside is a part of the unit vector u"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, value: Any, message: str) -> None:
    given: Problem = problem("relu", 3, 9, 1.0)
    with pytest.raises(InputError, match=message):
        replace(given, **{name: value})
