"""First steps of recovery: those of the descent itself, whatever else is in the batch."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher import Training, problem, start, walk
from lintune.teacher.recovery import recover


def test_first_passage_within_one_chunk_is_exact() -> None:
    given = problem("relu", 3, 12, 1.0, instances=5, seed=2)
    student, training = start(given, 3, agreeing=3).at(0.05), Training(0.05)
    bounds = [0.2, 0.5]
    found = recover(given, training, student, bounds, 32, seed=4)
    sizes = np.array([np.abs(each.overlap(given)) for _, each in walk(given, training, student, 32, 4)])
    for column, bound in enumerate(bounds):
        there = sizes >= bound
        expected = np.where(there.any(0), there.argmax(0), np.nan)
        np.testing.assert_array_equal(found.steps[:, column], expected)
    assert np.isnan(found.steps).any()
    assert (found.steps > 0).any()


def test_who_starts_there_needs_no_step() -> None:
    given = problem("he3", 3, 12, 1.0, instances=2)
    found = recover(given, Training(0.0), start(given, 0).at(0.6), [0.5, 0.9], 10, seed=0)
    np.testing.assert_array_equal(found.steps, [[0, np.nan]] * 2)
    np.testing.assert_array_equal(found.censored, [[False, True]] * 2)


def test_each_instance_has_its_own_limit() -> None:
    given = problem("sigmoid", 3, [10, 20, 40], 1.0, instances=3, seed=1)
    limits = np.array([0, 5, 4000])
    found = recover(given, Training(np.full(3, 0.2)), start(given, 1, agreeing=3), [0.5], limits, seed=2)
    assert np.isnan(found.steps[0, 0])
    assert not found.steps[1, 0] > 5
    assert found.steps[2, 0] <= 4000


def test_parts_in_the_span_count() -> None:
    given = problem("relu", 3, 12, 1.0, inside=1.0, instances=4, seed=5)
    student, training = start(given, 6, agreeing=3), Training(0.02, outside=False)
    found = recover(given, training, student, [0.5], 3000, seed=7)
    assert (found.steps > 0).all()


@pytest.mark.parametrize(
    ("bounds", "most", "match"),
    [([0.5, 0.4], 5, "bounds"), ([1.2], 5, "bounds"), ([], 5, "bounds"), ([0.5], -1, "most")],
)
def test_what_is_not_possible_is_refused(bounds: list[float], most: int, match: str) -> None:
    given = problem("relu", 3, 12, 1.0)
    with pytest.raises(InputError, match=match):
        recover(given, Training(0.1), start(given, 0), bounds, most, 0)
