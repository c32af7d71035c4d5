"""Plans refuse what cannot be carried out, before any work."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lintune.errors import InputError
from lintune.studies.behaviour import PROMPT, Effort, Plan


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"sgd": (1.0,), "adam": (0.1, 1.0)}, "as many rates"),
        ({"sgd": ()}, "at least one"),
        ({"sgdm": (1.0,)}, "Did you mean 'sgd'"),
        ({"sgd": (1.0, 0.0)}, "positive and finite"),
        ({"sgd": (1.0,), "adam": (-0.1,)}, "positive and finite"),
        ({"sgd": (float("inf"),)}, "positive and finite"),
        ({"sgd": (float("nan"),)}, "positive and finite"),
    ],
)
def test_rates_are_as_many_for_every_known_optimiser(
    rates: Mapping[str, Sequence[float]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Effort(rates=rates)


@pytest.mark.parametrize("name", ["steps", "batch"])
@pytest.mark.parametrize("value", [0, -1])
def test_an_effort_without_steps_or_examples_is_refused(name: str, value: int) -> None:
    with pytest.raises(InputError, match=f"{name}={value} must be at least 1"):
        Effort(**{name: value})  # type: ignore[arg-type]
    assert getattr(Effort(**{name: 1}), name) == 1  # type: ignore[arg-type]


def test_a_batch_of_all_examples_is_allowed() -> None:
    assert Effort(batch=None).batch is None


def test_defaults_try_every_optimiser_equally_hard() -> None:
    assert len({len(rates) for rates in Effort().rates.values()}) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimisers": {"promt": ("sgd",)}}, "Did you mean 'prompt'"),
        ({"optimisers": {PROMPT: ("adm",)}}, "Did you mean 'adam'"),
        ({"optimisers": {PROMPT: ()}}, "at least one"),
        ({"optimisers": {PROMPT: ("sgd",)}, "shots": 1}, "shots=1"),
        ({"optimisers": {PROMPT: ("sgd",)}, "validation_shots": 0}, "validation_shots=0"),
        ({"optimisers": {PROMPT: ("sgd",)}, "depth": 0}, "depth=0 must be at least 1"),
        ({"optimisers": {PROMPT: ("sgd",)}, "test_examples": 0}, "test_examples=0 must be at least 1"),
        ({"optimisers": {PROMPT: ("sgd",)}, "longest": 0}, "longest=0 must be at least 1"),
        ({"optimisers": {PROMPT: ("sgd",)}, "turned_shots": -1}, "turned_shots=-1 must be at least 0"),
    ],
)
def test_what_is_compared_must_be_known_and_enough(changes: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Plan(**changes)


def test_the_least_that_can_be_compared_is_a_plan() -> None:
    least = {"depth": 1, "shots": 2, "test_examples": 1, "validation_shots": 1, "turned_shots": 0}
    assert Plan({PROMPT: ("sgd",)}, longest=1, **least).shots == 2  # type: ignore[arg-type]
