"""Draws: nested in the shots, with validation examples of their own."""

from dataclasses import replace

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.studies.behaviour import draw
from lintune.tasks import Examples, few_shot
from tests.studies.behaviour.tiny_tasks import task


def texts(examples: Examples) -> list[str]:
    return [fields["text"] for fields in examples.fields]


@pytest.mark.parametrize("classes", [2, 3])
def test_training_and_test_examples_are_those_of_the_few_shot_draw(classes: int) -> None:
    tiny = task(classes)
    found, plain = draw(tiny, 4, 13, 10), few_shot(tiny, 4, 13, 10)
    assert texts(found.train) == texts(plain.train)
    np.testing.assert_array_equal(found.train.labels, plain.train.labels)
    assert texts(found.test) == texts(plain.test)
    assert found.seed == 13


@pytest.mark.parametrize(("asked", "given"), [(None, 4), (2, 2), (7, 7)])
def test_validation_examples_are_as_many_of_each_class_as_asked_for(asked: int | None, given: int) -> None:
    found = draw(task(3), 4, 21, 10, asked)
    assert np.bincount(found.validation.labels).tolist() == [given] * 3
    assert np.bincount(found.train.labels).tolist() == [4] * 3


def test_no_text_is_in_two_parts_of_a_draw() -> None:
    found = draw(task(3), 6, 42, 12)
    parts = [set(texts(part)) for part in (found.train, found.validation, found.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 18 + 18 + 12


def test_larger_draws_contain_the_smaller_and_have_the_same_test_examples() -> None:
    small, large = draw(task(), 3, 87, 10, 5), draw(task(), 8, 87, 10, 5)
    assert set(texts(small.train)) < set(texts(large.train))
    assert texts(small.test) == texts(large.test) == texts(draw(task(), 3, 100, 10).test)
    assert texts(small.train) != texts(draw(task(), 3, 100, 10).train)


def test_a_class_too_small_for_both_parts_is_refused() -> None:
    both = "shots=16 for training and 15 for validation are more than class 'class 0' of tiny has: 30"
    with pytest.raises(InputError, match=both):
        draw(task(), 16, 0, 10, 15)
    assert len(draw(task(), 15, 0, 10, 15).validation) == 30


def test_the_rarest_class_is_the_one_that_is_named() -> None:
    tiny = task(3)
    # Of class 1 the first 7 examples are kept, of the others all 30.
    rows = [row for row, label in enumerate(tiny.train.labels) if label != 1 or row < 21]
    short = replace(tiny, train=tiny.train.take(rows))
    both = "shots=4 for training and 4 for validation are more than class 'class 1' of tiny has: 7"
    with pytest.raises(InputError, match=both):
        draw(short, 4, 0, 10)
    assert np.bincount(draw(short, 4, 0, 10, 3).validation.labels).tolist() == [3] * 3


@pytest.mark.parametrize(("shots", "validation"), [(0, 4), (4, 0), (4, -1)])
def test_a_part_without_examples_is_refused(shots: int, validation: int) -> None:
    with pytest.raises(InputError, match=f"shots={min(shots, validation)} must be at least 1"):
        draw(task(), shots, 0, 10, validation)
