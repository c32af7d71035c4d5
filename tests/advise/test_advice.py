"""Advice: the best first, ties and budget, nothing looked at in vain, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import lintune.advise.advice as room
from lintune.advise import (
    SCORES,
    Advice,
    Budget,
    Candidate,
    Clock,
    advise,
    combined,
    look,
    parameters_of,
    scores,
    ties,
)
from lintune.errors import InputError
from lintune.tasks import Examples
from tests.advise.problem import CANDIDATES, EXAMPLES, RECIPE, function, of_classes


@pytest.fixture(scope="module")
def advice() -> Advice:
    return advise(function(), EXAMPLES, CANDIDATES, RECIPE, repeats=2)


def test_there_is_a_row_for_each_candidate_and_the_best_is_first(advice: Advice) -> None:
    rows = advice.rows
    assert {"candidate", "seconds", "rate", "strength", "order", "tie", *(each.name for each in SCORES)} == {
        *rows
    }
    assert rows.candidate.tolist() == [each.name for each in advice.candidates]
    assert set(advice.candidates) == set(CANDIDATES)
    assert advice.first == advice.candidates[0]
    assert rows.order.is_monotonic_increasing
    np.testing.assert_allclose(combined(rows), rows.order, rtol=1e-12)
    assert rows.index.tolist() == list(range(len(CANDIDATES)))
    assert advice.outside == 0


def test_rows_say_what_looks_forecasts_and_scores_say(advice: Advice) -> None:
    prompted = function()
    alone = look(prompted, EXAMPLES, CANDIDATES)
    for candidate, row in zip(advice.candidates, advice.rows.to_dict("records"), strict=True):
        found = advice.forecasts[candidate.name]
        sight = alone.at(candidate)
        told = scores(sight, alone.logits, alone.labels, found, repeats=2)
        for name, value in told.items():
            assert row[name] == pytest.approx(value, rel=1e-9), name
        assert (row["rate"], row["strength"]) == (found.rate, found.strength)
        assert row["parameters"] == parameters_of(prompted, [candidate])[candidate]
        recipe = advice.recipe_for(candidate)
        assert recipe == replace(RECIPE, learning_rate=found.rate, strength=found.strength)
        assert (recipe.strength > 0) == (candidate.pull > 0)


def test_ties_are_of_the_first_and_the_cheapest_is_one(advice: Advice) -> None:
    losses = {name: each.losses for name, each in advice.forecasts.items()}
    assert advice.rows.candidate[advice.rows.tie].tolist() == [
        each for each in advice.rows.candidate if each in ties(losses, advice.first.name)
    ]
    assert advice.rows.tie[0]
    place = advice.candidates.index(advice.cheapest)
    tied = advice.rows[advice.rows.tie]
    assert advice.rows.tie[place]
    assert advice.rows.seconds[place] == tied.seconds.min()
    fastest = tied[tied.seconds == tied.seconds.min()]
    assert advice.rows.parameters[place] == fastest.parameters.min()


def test_seconds_grow_with_depth_and_tokens_are_counted(advice: Advice) -> None:
    rows = advice.rows.set_index("candidate")
    top, deep = (rows.seconds[f"{where} all, LoRA r 2"] for where in ("1", "0-1"))
    assert deep == pytest.approx(4 / 3 * top)
    lengths = [len(prompt.ids) for prompt in function().encode(EXAMPLES)]
    assert advice.tokens == pytest.approx(np.mean(lengths))
    assert advice.seconds > 0


def test_seeds_reproduce_all_but_the_clock(advice: Advice) -> None:
    again, other = (advise(function(), EXAMPLES, CANDIDATES, RECIPE, repeats=2, seed=seed) for seed in (0, 1))
    timed = ["seconds"]
    pd.testing.assert_frame_equal(again.rows.drop(columns=timed), advice.rows.drop(columns=timed))
    names = advice.rows.candidate
    column = "predicted held-out loss"
    assert (
        other.rows.set_index("candidate")[column][names] != advice.rows.set_index("candidate")[column]
    ).all()


def test_the_order_in_which_candidates_come_changes_no_score(advice: Advice) -> None:
    turned = advise(function(), EXAMPLES, CANDIDATES[::-1], RECIPE, repeats=2)
    one, two = (
        each.rows.set_index("candidate").drop(columns="seconds").sort_index() for each in (turned, advice)
    )
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


def test_the_model_is_left_as_it_was() -> None:
    prompted = function()
    model = prompted.pretrained.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    advise(prompted, EXAMPLES, CANDIDATES, RECIPE, repeats=1)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_what_exceeds_the_budget_is_left_out_and_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    prompted, looked = function(), []

    def watched(prompted: Any, examples: Any, candidates: Any, **more: Any) -> Any:
        looked.extend(candidates)
        return look(prompted, examples, candidates, **more)

    monkeypatch.setattr(room, "look", watched)
    sizes = parameters_of(prompted, CANDIDATES)
    most = sorted(sizes.values())[3]
    small = [each for each in CANDIDATES if sizes[each] <= most]
    found = advise(prompted, EXAMPLES, CANDIDATES, RECIPE, budget=Budget(parameters=most), repeats=1)
    assert looked == small
    assert set(found.candidates) == set(found.look.candidates) == set(small)
    assert found.outside == len(CANDIDATES) - len(small) > 0


def test_a_budget_of_time_leaves_the_shallow_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "of", classmethod(lambda cls, *_: cls(1e-3, 2)))
    lengths = [len(prompt.ids) for prompt in function().encode(EXAMPLES)]
    visited = RECIPE.steps * 4 * sum(lengths) / len(lengths)
    limit = Clock(1e-3, 2).training(Candidate((1, 2)), visited)
    found = advise(function(), EXAMPLES, CANDIDATES, RECIPE, budget=Budget(seconds=limit), repeats=1)
    assert {each.blocks for each in found.candidates} == {(1, 2)}
    assert found.rows.seconds.to_numpy() == pytest.approx(limit)


ONE_EACH = Examples.from_columns({"text": ["a good film", "a bad film", "a sad story"]}, [1, 0, 0])
PASSES = ("look", "Clock")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"candidates": []}, "candidates must hold at least one"),
        ({"candidates": [CANDIDATES[0]] * 2}, "candidates must be distinct"),
        ({"examples": EXAMPLES.take([])}, "there are none"),
        ({"examples": EXAMPLES.take([0, 2, 4])}, "all of one class"),
        ({"examples": ONE_EACH}, "class 1 has one example"),
        ({"examples": of_classes(3)}, "label 2.*2 classes"),
        ({"candidates": [*CANDIDATES, Candidate((0, 1), rank=99)]}, "rank=99 exceeds"),
        ({"candidates": [*CANDIDATES, Candidate((0, 5))]}, "must be a run within"),
        ({"recipe": replace(RECIPE, optimiser="sgd")}, "must be of adam and cross-entropy"),
        ({"recipe": replace(RECIPE, loss="squared")}, "must be of adam and cross-entropy"),
        ({"repeats": 0}, "repeats=0 must be at least 1"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_bad_input_is_refused_before_any_pass(
    changed: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PASSES:
        monkeypatch.setattr(room, name, None)
    given: dict[str, Any] = {"examples": EXAMPLES, "candidates": CANDIDATES, "recipe": RECIPE} | changed
    with pytest.raises(InputError, match=message):
        advise(function(), **given)


@pytest.mark.parametrize("budget", [Budget(parameters=1), Budget(seconds=1e-12)], ids=str)
def test_a_budget_that_nothing_fits_is_refused_before_the_look(
    budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "look", None)
    with pytest.raises(InputError, match=r"no candidate fits .*The smallest trains \d+ parameters"):
        advise(function(), EXAMPLES, CANDIDATES, RECIPE, budget=budget)


def test_a_class_that_does_not_occur_is_no_hindrance() -> None:
    found = advise(function(classes=3), EXAMPLES, CANDIDATES[:2], RECIPE, repeats=1)
    assert np.isfinite(found.rows["predicted held-out loss"]).all()
