"""Forecasts: halves that are fair, held-out examples that nobody learns from, and what scale does."""

from collections import Counter
from dataclasses import replace
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.advise import KINDS, PACE, RATES, course, forecast, halves
from lintune.errors import InputError
from lintune.kernels import contrasts
from tests.advise.problem import CANDIDATES, RECIPE, jacobian, seen, sight

N, CLASSES = 10, 3
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 1, 2])
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(N, CLASSES))
_J = np.einsum("ncp,ck->nkp", jacobian(0, N, CLASSES, 30), contrasts(CLASSES))
# By groups of parameters, of which there are 30.
PARTS = [np.einsum("ikp,jlp->ikjl", each, each) for each in np.split(_J, [4, 22], axis=2)]
KERNEL = sum(PARTS[1:], PARTS[0])
SOME = (1e-3, 1e-2, 0.1)


@settings(deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=5), st.integers(1, 5), st.integers(0, 99))
def test_halves_divide_each_class_evenly_both_ways_round(sizes: list[int], repeats: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    found = halves(labels, repeats, seed)
    assert len(found) == 2 * repeats
    held = Counter(place for _, others in found for place in others.tolist())
    assert held == dict.fromkeys(range(len(labels)), repeats)
    for mine, others in found:
        assert sorted([*mine, *others]) == list(range(len(labels)))
        assert abs(len(mine) - len(others)) <= 1
        for label, size in enumerate(sizes):
            assert abs(2 * (labels[mine] == label).sum() - size) <= 1
    for (mine, others), (again, rest) in zip(found[::2], found[1::2], strict=True):
        assert mine.tolist() == rest.tolist()
        assert others.tolist() == again.tolist()


def test_halves_follow_the_seed() -> None:
    first, again, other = (
        [mine.tolist() for mine, _ in halves(np.arange(20) % 2, 4, seed)] for seed in (0, 0, 1)
    )
    assert first == again != other
    assert len({tuple(each) for each in first}) == 8


def test_a_class_of_one_example_is_refused() -> None:
    with pytest.raises(InputError, match="class 1 has one example"):
        halves(np.array([0, 0, 1, 2, 2]), 2)


@pytest.mark.parametrize("repeats", [0, -1])
def test_no_repeats_are_refused(repeats: int) -> None:
    with pytest.raises(InputError, match=f"repeats={repeats} must be at least 1"):
        halves(LABELS, repeats)
    with pytest.raises(InputError, match=f"repeats={repeats} must be at least 1"):
        forecast(sight(KERNEL), LOGITS, LABELS, RECIPE, rates=SOME, repeats=repeats)


@pytest.mark.parametrize("pull", [0.0, 0.3])
@pytest.mark.parametrize("groups", [1, 3])
def test_a_forecast_is_the_mean_of_courses(groups: int, pull: float) -> None:
    given = sight(*PARTS, moving=(9, 40, 20), pull=pull)
    given = given.whole if groups == 1 else given
    found = forecast(given, LOGITS, LABELS, RECIPE, rates=SOME, repeats=2, seed=5)
    losses, outputs, train = np.zeros((3, N)), np.zeros((3, N, CLASSES - 1)), []
    drift = []
    for number, (mine, others) in enumerate(halves(LABELS, 2, 5)):
        eigenvalues = np.linalg.eigvalsh(KERNEL[mine][:, :, mine].reshape(10, 10))
        recipe = replace(RECIPE, seed=5 + number, strength=pull * eigenvalues.mean())
        run = course(given, LOGITS, LABELS, mine, others, recipe=recipe, rates=np.array(SOME))
        losses[:, others] += run.others / 2
        outputs[:, others] += run.outputs / 2
        train.append(run.train)
        drift.append(run.drift)
    place = found.place
    np.testing.assert_allclose(found.held_by_rate, losses.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.losses, losses[place], rtol=1e-12)
    np.testing.assert_allclose(found.train_curve, np.mean(train, axis=0)[place], rtol=1e-12)
    np.testing.assert_allclose(found.drift, np.mean(drift, axis=0)[place], rtol=1e-12)
    np.testing.assert_array_equal(found.predicted, (outputs[place] @ contrasts(3).T).argmax(axis=1))
    assert found.train_curve[-1] == found.train_loss == found.train_by_rate[place]
    assert found.held_loss == pytest.approx(found.losses.mean())
    # Halves of five and five examples: the mean over halves is the mean over examples.
    assert found.held_curve[-1] == pytest.approx(found.held_loss)


@pytest.mark.parametrize("example", [0, 4, 9])
def test_the_label_of_a_held_out_example_is_not_learnt_from(
    example: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every label that it could have, its losses are those of one prediction."""
    fixed = halves(LABELS, 1)  # as halves are drawn by labels
    monkeypatch.setattr(import_module("lintune.advise.forecast"), "halves", lambda *_: fixed)
    chances, predicted = 0.0, set()
    for label in range(CLASSES):
        labels = LABELS.copy()
        labels[example] = label
        found = forecast(sight(KERNEL, pull=0.5), LOGITS, labels, RECIPE, rates=[0.05], repeats=1)
        chances += np.exp(-found.losses[example])
        predicted.add(int(found.predicted[example]))
    assert chances == pytest.approx(1, rel=1e-12)
    assert len(predicted) == 1


def test_the_suggested_rate_is_one_that_was_considered() -> None:
    for candidate in CANDIDATES:
        look = seen(3)
        found = forecast(look.at(candidate), look.logits, look.labels, RECIPE)
        assert found.rates[found.place] in RATES
        assert found.rate * found.pace == pytest.approx(found.rates[found.place], rel=5e-3)
        assert found.pace == PACE[candidate.kind]
        assert found.rates.tolist() == list(RATES)
        assert found.held_loss == found.held_by_rate[found.place]
        only = forecast(look.at(candidate), look.logits, look.labels, RECIPE, rates=[0.02])
        assert only.rate == pytest.approx(0.02 / PACE[candidate.kind], rel=5e-3)


def test_the_pace_changes_the_suggested_rate_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(PACE) == set(KINDS)
    assert all(0 < pace < np.inf for pace in PACE.values())
    found = []
    for pace in (1.0, 8.0):
        monkeypatch.setitem(PACE, "lora", pace)
        found.append(forecast(sight(KERNEL, pull=0.5), LOGITS, LABELS, RECIPE, rates=SOME))
    one, eight = found
    assert one.rate == SOME[one.place] == 8 * eight.rate
    assert (one.place, one.strength, one.drift) == (eight.place, eight.strength, eight.drift)
    for name in (
        "rates",
        "held_by_rate",
        "train_by_rate",
        "losses",
        "predicted",
        "train_curve",
        "held_curve",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(eight, name))


def test_rates_go_up_by_a_quarter_of_a_decade() -> None:
    steps = [np.log10(larger / smaller) for smaller, larger in pairwise(RATES)]
    np.testing.assert_allclose(steps, 0.25, atol=2e-3)


@pytest.mark.parametrize("pull", [0.0, 0.4])
def test_a_larger_kernel_is_a_smaller_rate(pull: float) -> None:
    c = 7.0
    one = forecast(sight(KERNEL, pull=pull), LOGITS, LABELS, RECIPE, rates=SOME)
    two = forecast(sight(c**2 * KERNEL, pull=pull), LOGITS, LABELS, RECIPE, rates=[rate / c for rate in SOME])
    for name in ("held_by_rate", "train_by_rate", "losses", "train_curve", "held_curve"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=1e-9)
    assert two.place == one.place
    np.testing.assert_array_equal(two.predicted, one.predicted)
    assert two.strength == pytest.approx(c**2 * one.strength)
    assert two.drift == pytest.approx(one.drift / c)


def test_more_that_moves_is_a_larger_rate() -> None:
    one = forecast(sight(KERNEL, moving=9), LOGITS, LABELS, RECIPE, rates=SOME)
    two = forecast(sight(KERNEL, moving=900), LOGITS, LABELS, RECIPE, rates=[rate / 10 for rate in SOME])
    np.testing.assert_allclose(two.held_by_rate, one.held_by_rate, rtol=1e-9)


def test_the_pull_is_in_units_of_the_mean_eigenvalue_and_none_is_none() -> None:
    free, pulled = (
        forecast(sight(KERNEL, pull=pull), LOGITS, LABELS, RECIPE, rates=[0.1]) for pull in (0, 0.5)
    )
    mean = np.trace(KERNEL.reshape(20, 20)) / 20
    assert free.strength == 0
    assert pulled.strength == pytest.approx(0.5 * mean)  # of halves of one size
    assert pulled.drift < free.drift
    strong = replace(RECIPE, strength=99.0, learning_rate=9.0, seed=9)  # none of which is read
    again = forecast(sight(KERNEL), LOGITS, LABELS, strong, rates=[0.1])
    np.testing.assert_array_equal(again.losses, free.losses)


def test_seeds_reproduce_and_others_differ() -> None:
    first, again, other = (
        forecast(sight(KERNEL), LOGITS, LABELS, RECIPE, rates=SOME, seed=seed).losses for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
