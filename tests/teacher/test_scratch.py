"""The learner from scratch: its step is descent on the sphere, and arrivals are told as they are."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher import HE3
from lintune.teacher.scratch import arrivals, nearness, scratch

SIGNS = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])


def test_rows_start_on_the_sphere_and_stay_there() -> None:
    given = scratch("relu", SIGNS, 7)
    rows = given.start(0)
    moved = given.step(rows, np.random.default_rng(1).standard_normal((2, 7)), np.array([0.1, 0.2]))
    for each in (rows, moved):
        assert each.shape == (2, 3, 7)
        np.testing.assert_allclose(np.linalg.norm(each, axis=-1), 1.0)


def test_a_step_follows_the_gradient_of_the_squared_error() -> None:
    given, x = scratch("sigmoid", SIGNS, 5), np.random.default_rng(2).standard_normal((2, 5))
    rows = given.start(3)
    rate, sigma = 1e-6, given.activation

    def loss(at: np.ndarray) -> np.ndarray:
        own = (SIGNS * sigma.value(np.einsum("ikd,id->ik", at, x))).sum(1)
        return (own - (SIGNS * sigma.value(x[:, :3])).sum(1)) ** 2

    moved = (given.step(rows, x, np.full(2, rate)) - rows) / rate
    gradient = np.zeros_like(rows)
    for place in np.ndindex(rows.shape):
        shift = np.zeros_like(rows)
        shift[place] = 1e-6
        gradient[place] = (loss(rows + shift) - loss(rows - shift))[place[0]] / 2e-6
    # Along the sphere: less the part along the row.
    along = (gradient * rows).sum(-1, keepdims=True)
    np.testing.assert_allclose(moved, along * rows - gradient, atol=1e-5)


def test_a_teacher_found_already_is_kept() -> None:
    given = scratch("he3", SIGNS, 6)
    rows = np.broadcast_to(np.eye(3, 6), (2, 3, 6)).copy()
    x = np.random.default_rng(4).standard_normal((2, 6))
    np.testing.assert_allclose(given.step(rows, x, np.full(2, 0.3)), rows, atol=1e-15)
    np.testing.assert_allclose(nearness(rows), 1.0)


def test_arrivals_come_for_one_row_and_for_all() -> None:
    found = arrivals(scratch("he3", SIGNS, 6), 0.01, 0.5, 20_000, 1)
    assert not np.isnan(found).any()
    assert (found[:, 0] <= found[:, 1]).all()


def test_who_does_not_arrive_is_censored() -> None:
    found = arrivals(scratch("he3", np.ones((3, 1)), 50), 1e-9, 0.9, 5, 1)
    assert np.isnan(found).all()


def test_an_arrival_is_the_first_step_with_the_overlap() -> None:
    given, seed = scratch(HE3, SIGNS[:1], 8), 5
    found = arrivals(given, 0.005, 0.6, 4000, seed)
    rows, inputs = given.start(0), np.random.default_rng(seed)
    sizes = [nearness(rows)[0]]
    for _ in range(4000):
        rows = given.step(rows, inputs.standard_normal((1, 1, 8))[0], np.array([0.005]))
        sizes.append(nearness(rows)[0])
    reached = np.maximum.accumulate(np.array(sizes)) >= 0.6
    assert found[0, 0] == reached.any(1).argmax()
    assert found[0, 1] == reached.all(1).argmax()


def test_what_is_not_possible_is_refused() -> None:
    with pytest.raises(InputError, match="dimension=2"):
        scratch("he3", SIGNS, 2)
    with pytest.raises(InputError, match=r"bound=1\.5"):
        arrivals(scratch("he3", SIGNS, 6), 0.1, 1.5, 1, 0)
    with pytest.raises(InputError, match="rate has shape"):
        arrivals(scratch("he3", SIGNS, 6), np.ones(3), 0.5, 1, 0)
