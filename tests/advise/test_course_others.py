"""Courses: examples that are held out teach nothing, and recipes whose course is not predicted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lintune.advise import course
from lintune.errors import InputError
from tests.advise.problem import RECIPE
from tests.advise.written_out import OTHERS, TRAIN, Linear

both_groups = pytest.mark.parametrize("groups", [1, 3])


@both_groups
def test_without_others_there_is_nothing_held_out(groups: int) -> None:
    problem = Linear.of(5, 3, groups)
    found, whole = (
        course(
            problem.sight,
            problem.logits,
            problem.labels,
            TRAIN,
            each,
            recipe=RECIPE,
            rates=np.array([0.01, 0.1]),
        )
        for each in (np.arange(0), OTHERS)
    )
    assert found.others.shape == (2, 0)
    assert found.outputs.shape == (2, 0, 2)
    assert np.isnan(found.held).all()
    np.testing.assert_array_equal(found.train, whole.train)


@both_groups
def test_labels_of_others_are_not_seen(groups: int) -> None:
    problem = Linear.of(6, 3, groups)
    other = problem.labels.copy()
    other[OTHERS] = (problem.labels[OTHERS] + 1) % 3
    one, two = (
        course(problem.sight, problem.logits, each, TRAIN, OTHERS, recipe=RECIPE, rates=np.array([0.1]))
        for each in (problem.labels, other)
    )
    for name in ("train", "alpha", "outputs"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.others != two.others).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimiser": "sgd"},
        {"loss": "squared"},
        {"pull": "selective"},
        {"anchor": "zero"},
        {"optimiser": "signgd"},
    ],
    ids=str,
)
def test_other_recipes_are_refused(wrong: dict[str, Any]) -> None:
    problem, recipe = Linear.of(0, 2), replace(RECIPE, **wrong)
    with pytest.raises(InputError, match="must be of adam and cross-entropy with pull='always' to the start"):
        course(
            problem.sight, problem.logits, problem.labels, TRAIN, OTHERS, recipe=recipe, rates=np.array([0.1])
        )
