"""Courses: the linear run in its parameters with a scalar Adam for each group, written out, says the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.advise import KAPPA, Course, course
from lintune.descent import Recipe
from lintune.kernels import contrasts
from tests.advise.problem import RECIPE
from tests.advise.written_out import OTHERS, TRAIN, Linear, N, written_out

FIELDS = ("train", "batches", "others", "held", "outputs", "alpha", "drift")
both_groups = pytest.mark.parametrize("groups", [1, 3])


def run(problem: Linear, recipe: Recipe, rates: list[float], **more: Any) -> Course:
    given: dict[str, Any] = {"sight": problem.sight, "train": TRAIN, "others": OTHERS} | more
    return course(logits=problem.logits, labels=problem.labels, recipe=recipe, rates=np.array(rates), **given)


@both_groups
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("strength", [0.0, 0.7])
@pytest.mark.parametrize("batch", [None, 2])
def test_a_course_is_the_run_in_parameter_space(
    classes: int, strength: float, batch: int | None, groups: int
) -> None:
    recipe = Recipe(1.0, 12, "cross-entropy", "adam", strength=strength, batch=batch, seed=3)
    rates = [0.003, 0.05, 0.4]
    problem = Linear.of(1, classes, groups)
    found = run(problem, recipe, rates)
    gradients = problem.of_contrasts
    assert found.alpha.shape == (3, groups, len(TRAIN), classes - 1)
    for place, rate in enumerate(rates):
        expected = written_out(problem, recipe, rate)
        for name in ("train", "batches", "held", "others", "outputs"):
            np.testing.assert_allclose(getattr(found, name)[place], expected[name], rtol=1e-10, atol=1e-12)
        for group, piece in enumerate(problem.pieces):
            theta = np.einsum("nkp,nk->p", gradients[TRAIN][..., piece], found.alpha[place, group])
            np.testing.assert_allclose(theta, expected["theta"][piece], rtol=1e-10, atol=1e-12)
        assert found.drift[place] == pytest.approx(np.linalg.norm(expected["theta"]), rel=1e-10)


@both_groups
def test_drift_and_outputs_follow_from_alpha_group_by_group(groups: int) -> None:
    problem = Linear.of(7, 3, groups)
    found = run(problem, replace(RECIPE, strength=0.2), [0.01, 0.3])
    seen = problem.sight
    rows = seen.parts[:, TRAIN]
    change = np.einsum("gicjd,rgic->rjd", rows[:, :, :, OTHERS], found.alpha)
    np.testing.assert_allclose(found.outputs, problem.logits[OTHERS] @ contrasts(3) + change, rtol=1e-12)
    squares = np.einsum("rgic,gicjd,rgjd->rg", found.alpha, rows[:, :, :, TRAIN], found.alpha)
    np.testing.assert_allclose(found.drift, np.sqrt(squares.sum(axis=1)), rtol=1e-12)
    assert (squares > 0).all()


def test_one_group_is_the_whole_and_three_are_not() -> None:
    one, three = Linear.of(3, 3, 1), Linear.of(3, 3, 3)
    recipe, rates = replace(RECIPE, strength=0.3), [0.01, 0.2]
    alone, whole = (run(one, recipe, rates, sight=each) for each in (one.sight, one.sight.whole))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name))
    together = three.sight.whole
    assert together.parts.shape == (1, N, 2, N, 2)
    np.testing.assert_allclose(together.kernel, three.sight.kernel, rtol=1e-12)
    assert together.moving.tolist() == [sum(three.moving)]
    assert (together.candidate, together.parameters) == (three.sight.candidate, three.sight.parameters)
    merged = replace(three, pieces=(slice(0, 40),), moving=(sum(three.moving),))
    joined = run(three, recipe, rates, sight=together)
    np.testing.assert_allclose(joined.train[1], written_out(merged, recipe, 0.2)["train"], rtol=1e-10)
    assert abs(joined.train - run(three, recipe, rates).train).max() > 0.01


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(0, 1000))
def test_groups_that_move_in_proportion_to_their_kernels_are_one(shares: list[int], seed: int) -> None:
    problem = Linear.of(seed, 3)
    whole = replace(problem.sight, moving=np.array([10 * sum(shares)]))
    parts = np.stack([share / sum(shares) * whole.kernel for share in shares])
    split = replace(whole, parts=parts, moving=10 * np.array(shares))
    one, many = (
        run(problem, replace(RECIPE, strength=0.3), [0.01, 0.2], sight=each) for each in (whole, split)
    )
    for name in set(FIELDS) - {"alpha"}:
        np.testing.assert_allclose(getattr(many, name), getattr(one, name), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(many.alpha, np.repeat(one.alpha, len(shares), 1), rtol=1e-8, atol=1e-12)


def test_the_order_of_groups_does_not_matter_and_one_without_gradient_stays() -> None:
    problem = Linear.of(4, 3, 3)
    seen, rates = problem.sight, [0.02, 0.2]
    plain = run(problem, RECIPE, rates)
    turned = run(
        problem, RECIPE, rates, sight=replace(seen, parts=seen.parts[::-1], moving=seen.moving[::-1])
    )
    more = replace(
        seen, parts=np.append(0 * seen.parts[:1], seen.parts, 0), moving=np.append(99, seen.moving)
    )
    idle = run(problem, RECIPE, rates, sight=more)
    np.testing.assert_allclose(turned.alpha[:, ::-1], plain.alpha, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(idle.alpha[:, 0], 0 * idle.alpha[:, 0])
    for each in (turned, idle):
        np.testing.assert_allclose(each.train, plain.train, rtol=1e-10)
        np.testing.assert_allclose(each.drift, plain.drift, rtol=1e-10)


@both_groups
def test_rates_together_are_each_rate_alone(groups: int) -> None:
    rates = [1e-4, 0.02, 3.0]
    problem, recipe = Linear.of(2, 3, groups), replace(RECIPE, strength=0.3)
    together = run(problem, recipe, rates)
    for place, rate in enumerate(rates):
        alone = run(problem, recipe, [rate])
        assert together.rates[place] == rate
        for name in FIELDS:
            np.testing.assert_allclose(
                getattr(together, name)[place], getattr(alone, name)[0], rtol=1e-9, atol=1e-13
            )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from([1, 3]), st.integers(1, 10**6))
def test_the_first_step_lowers_the_loss_by_its_length_times_the_gradient(
    seed: int, classes: int, groups: int, moving: int
) -> None:
    problem = Linear.of(seed, classes, groups)
    counts = moving * np.arange(1, groups + 1)
    rate = 1e-6 / counts.sum() ** 0.5
    found = run(
        problem,
        replace(RECIPE, steps=1, batch=None),
        [rate],
        sight=replace(problem.sight, moving=counts),
        train=np.arange(N),
        others=np.arange(0),
    )
    chances = torch.softmax(torch.as_tensor(problem.logits), 1).numpy()
    slope = np.einsum("ncp,nc->p", problem.gradients, chances - np.eye(classes)[problem.labels])
    norms = np.array([np.linalg.norm(slope[piece]) for piece in problem.pieces])
    decrease = N * (found.train[0, 0] - found.train[0, 1])
    assert decrease == pytest.approx(rate * KAPPA * (counts**0.5 @ norms), rel=1e-3)
    assert found.drift[0] == pytest.approx(rate * KAPPA * counts.sum() ** 0.5, rel=1e-10)


def test_kappa_is_what_adam_does_with_a_normal_gradient() -> None:
    gradient = np.random.default_rng(0).normal(size=100_000)
    assert abs(gradient).sum() / (len(gradient) ** 0.5 * np.linalg.norm(gradient)) == pytest.approx(
        KAPPA, rel=1e-2
    )


@both_groups
@pytest.mark.parametrize("case", ["no kernel", "no error"])
def test_without_a_gradient_nothing_moves(case: str, groups: int) -> None:
    problem = Linear.of(0, 3, groups)
    seen = problem.sight
    if case == "no kernel":
        seen = replace(seen, parts=0 * seen.parts)
    else:
        problem = replace(problem, logits=1e4 * np.eye(3)[problem.labels])
    found = run(problem, RECIPE, [0.1, 10.0], sight=seen)
    assert not found.drift.any()
    start = problem.logits[OTHERS] @ contrasts(3)
    np.testing.assert_allclose(found.outputs, np.stack([start] * 2), rtol=1e-12)
    np.testing.assert_array_equal(found.train, found.train[:, :1] * np.ones(RECIPE.steps + 1))


def test_a_strong_pull_keeps_it_near() -> None:
    problem = Linear.of(4, 2)
    drifts = [run(problem, replace(RECIPE, steps=60, strength=s), [0.02]).drift[0] for s in (0.0, 1.0, 100.0)]
    assert drifts[0] > 2 * drifts[1] > 4 * drifts[2]
