"""The training loop, against updates written out by hand and by torch, on functions of a few numbers."""

import copy
import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.descent import Recipe, Squared, Step, Vector, descend, difference, inner, loss_for, norm
from lintune.errors import CorruptFileError, DivergedError, InputError
from lintune.linearized import Dual
from tests.descent.worlds import Function, bent, linear

LABELS = np.array([0, 1, 2, 1, 0, 2])
TWO = np.array([0, 1, 1, 0, 1, 0])


def run(world: Function, recipe: Recipe, labels: np.ndarray = LABELS) -> tuple[list[Step], list[Vector]]:
    """Return every state and the values there."""
    steps, values = [], []
    loss = loss_for(recipe.loss, labels, int(labels.max()) + 1)
    for step in descend(world, loss, recipe):
        steps.append(step)
        values.append({name: value.detach().clone() for name, value in world.values.items()})
    return steps, values


def by_torch(world: Function, recipe: Recipe, labels: np.ndarray, make: Any) -> Vector:
    """Train a copy by torch alone, with the pull written as a penalty."""
    leaves = {name: value.clone().requires_grad_() for name, value in world.start.items()}
    optimiser = make(list(leaves.values()))
    loss = loss_for(recipe.loss, labels, int(labels.max()) + 1)
    for _, rows in zip(range(recipe.steps), recipe.batches(len(labels)), strict=False):
        optimiser.zero_grad()
        total = loss.value(world.function(leaves)[rows], rows) * (len(labels) / len(rows))
        for name, leaf in leaves.items():
            anchor = world.start[name] if recipe.anchor == "start" else torch.zeros_like(leaf)
            total = total + recipe.strength / 2 * (leaf - anchor).square().sum()
        total.backward()
        optimiser.step()
    return {name: leaf.detach() for name, leaf in leaves.items()}


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize(("strength", "anchor"), [(0.0, "start"), (0.7, "start"), (0.7, "zero")])
def test_every_optimiser_is_that_of_torch_with_the_pull_as_a_penalty(
    loss: Literal["squared", "cross-entropy"],
    batch: int | None,
    strength: float,
    anchor: Literal["start", "zero"],
) -> None:
    shared: dict[str, Any] = {"loss": loss, "batch": batch, "strength": strength, "anchor": anchor, "seed": 3}
    for given_here, make in (
        ({"learning_rate": 0.02}, lambda leaves: torch.optim.SGD(leaves, lr=0.02)),
        (
            {"learning_rate": 0.02, "momentum": 0.8},
            lambda leaves: torch.optim.SGD(leaves, lr=0.02, momentum=0.8),
        ),
        ({"learning_rate": 0.05, "optimiser": "adam"}, lambda leaves: torch.optim.Adam(leaves, lr=0.05)),
    ):
        recipe = Recipe(steps=15, **given_here, **shared)
        world = linear()
        expected = by_torch(world, recipe, LABELS, make)
        found = run(world, recipe)[1][-1]
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)


def test_gradient_descent_with_momentum_is_the_heavy_ball_by_hand() -> None:
    world, rate, keep = linear(), 0.02, 0.6
    loss = Squared(LABELS, 3)
    theta, speed = dict(world.start), {name: torch.zeros_like(part) for name, part in world.start.items()}
    other = Function(world.start, world.function)
    for _ in range(7):
        other.values = {name: part.clone() for name, part in theta.items()}
        gradient = other.gradient(torch.arange(6), loss)[1]
        speed = {name: keep * speed[name] + gradient[name] for name in theta}
        theta = {name: theta[name] - rate * speed[name] for name in theta}
    found = run(world, Recipe(rate, 7, momentum=keep))[1][-1]
    assert norm(difference(found, theta)) < 1e-12


def test_adam_by_hand() -> None:
    world, rate = linear(), 0.05
    loss = Squared(LABELS, 3)
    other = Function(world.start, world.function)
    first: Vector = {name: torch.zeros_like(part) for name, part in world.start.items()}
    second = copy.deepcopy(first)
    for time in range(1, 6):
        gradient = other.gradient(torch.arange(6), loss)[1]
        for name, part in gradient.items():
            first[name] = 0.9 * first[name] + 0.1 * part
            second[name] = 0.999 * second[name] + 0.001 * part**2
            mean, square = first[name] / (1 - 0.9**time), second[name] / (1 - 0.999**time)
            other.values[name] = other.values[name] - rate * mean / (square.sqrt() + 1e-8)
    found = run(world, Recipe(rate, 5, optimiser="adam"))[1][-1]
    assert norm(difference(found, other.values)) < 1e-10


@given(st.floats(0.01, 50), st.integers(0, 100), st.sampled_from(["start", "zero"]))
@settings(max_examples=25, deadline=None)
def test_the_pull_adds_the_gradient_of_its_penalty(
    strength: float, seed: int, anchor: Literal["start", "zero"]
) -> None:
    world = bent(seed=seed)
    world.values = {name: part + 0.3 for name, part in world.values.items()}
    here = {name: part.clone().requires_grad_() for name, part in world.values.items()}
    distances = [
        (part - (world.start[name] if anchor == "start" else 0)).square().sum() for name, part in here.items()
    ]
    of_penalty = torch.autograd.grad(strength / 2 * torch.stack(distances).sum(), list(here.values()))
    of_loss = world.gradient(torch.arange(6), Squared(TWO, 2))[1]
    values = run(world, Recipe(1e-3, 1, strength=strength, anchor=anchor), TWO)[1]
    for (name, before), extra in zip(values[0].items(), of_penalty, strict=True):
        torch.testing.assert_close(values[1][name], before - 1e-3 * (of_loss[name] + extra))


def test_every_state_is_that_before_its_update() -> None:
    world = bent()
    steps, values = run(world, Recipe(0.01, 4, strength=0.5), TWO)
    assert [step.number for step in steps] == [0, 1, 2, 3, 4]
    loss = Squared(TWO, 2)
    for step, here in zip(steps, values, strict=True):
        outputs = world.function(here)
        torch.testing.assert_close(step.outputs, outputs)
        assert step.loss == pytest.approx(float(loss.value(outputs, torch.arange(6))), rel=1e-12)
    assert norm(difference(values[0], world.start)) == 0
    assert norm(difference(values[1], world.start)) > 0


def test_the_loss_of_a_batch_is_scaled_up_to_the_whole_set() -> None:
    world = linear()
    recipe = Recipe(1e-9, 1, batch=2, seed=8)
    rows = next(recipe.batches(6))
    expected = 3 * float(Squared(LABELS, 3).value(world.function(world.start)[rows], rows))
    assert run(world, recipe)[0][0].loss == pytest.approx(expected, rel=1e-12)
    assert run(world, recipe)[0][0].outputs.shape == (2, 2)


@pytest.mark.parametrize("strength", [0.1, 3.0, 40.0])
def test_the_selective_pull_acts_exactly_while_descent_leads_back(strength: float) -> None:
    """Training begins away from the anchor, where descent may lead back, so that both cases occur."""
    world, rate = bent(seed=5), 0.01
    recipe = Recipe(rate, 60, strength=strength, pull="selective")
    other = bent(seed=5)
    world.values = {name: part + 0.2 * torch.sin(7 * part) for name, part in world.values.items()}
    steps, values = run(world, recipe, TWO)
    loss = Squared(TWO, 2)
    for step, here, after in zip(steps[:-1], values[:-1], values[1:], strict=True):
        other.values = here
        gradient = other.gradient(torch.arange(6), loss)[1]
        away = difference(here, other.start)
        assert step.pulled == (inner(gradient, away) >= 0)
        for name, part in here.items():
            pull = strength * away[name] if step.pulled else 0
            torch.testing.assert_close(after[name], part - rate * (gradient[name] + pull))
    assert {step.pulled for step in steps} == {True, False}


@given(st.integers(0, 500), st.floats(0.1, 20), st.sampled_from(["squared", "cross-entropy"]))
@settings(max_examples=25, deadline=None)
def test_the_loss_never_rises_under_the_selective_rule_with_small_steps(
    seed: int, strength: float, loss: Literal["squared", "cross-entropy"]
) -> None:
    world = bent(seed=seed)
    draw = torch.Generator().manual_seed(seed)
    for name, part in world.values.items():  # somewhere, not at the anchor
        world.values[name] = part + 0.5 * torch.randn(part.shape, generator=draw, dtype=torch.float64)
    steps, _ = run(
        world, Recipe(0.004 / (1 + strength), 60, loss=loss, strength=strength, pull="selective"), TWO
    )
    losses = np.array([step.loss for step in steps])
    assert (np.diff(losses) <= 1e-12).all()


def test_the_pull_that_is_always_on_can_raise_the_loss() -> None:
    world = bent(seed=1)
    run(world, Recipe(0.02, 300), TWO)  # fitted first, without a pull
    steps, _ = run(world, Recipe(1e-3, 50, strength=5.0), TWO)
    assert steps[-1].loss > steps[0].loss


def published(
    value: torch.Tensor, gradient: torch.Tensor, anchor: torch.Tensor, new: torch.Tensor, weight: float
) -> torch.Tensor:
    """Return what AdamSPD makes of one tensor: `value` before and `new` after Adam's step."""
    condition = -torch.sum(torch.mul(gradient, value - anchor))
    if condition < 0.0:
        after, before = torch.norm(new - anchor), torch.norm(value - anchor)
        ratio = torch.clip((after - before) / after, 0.0, 1.0)
        new = new - weight * ratio * (new - anchor)
    return new


@pytest.mark.parametrize("anchor", ["start", "zero"])
@pytest.mark.parametrize("strength", [0.3, 1.0, 2.0])
def test_the_projection_is_the_published_one_tensor_by_tensor(
    anchor: Literal["start", "zero"], strength: float
) -> None:
    recipe = Recipe(
        0.08, 120, optimiser="adam", pull="projection", strength=strength, anchor=anchor, batch=2, seed=1
    )
    world, other = bent(seed=2), bent(seed=2)
    found = run(world, recipe, TWO)[1]
    leaves = {name: part.clone().requires_grad_() for name, part in other.start.items()}
    adam = torch.optim.Adam(list(leaves.values()), lr=0.08)
    loss, acted = Squared(TWO, 2), dict.fromkeys(leaves, 0)
    for (_, rows), expected in zip(zip(range(120), recipe.batches(6), strict=False), found[1:], strict=True):
        other.values = {name: leaf.detach().clone() for name, leaf in leaves.items()}
        gradient = {name: 3 * part for name, part in other.gradient(rows, loss)[1].items()}
        for name, leaf in leaves.items():
            leaf.grad = gradient[name]
        adam.step()
        for name, leaf in leaves.items():
            target = other.start[name] if anchor == "start" else torch.zeros_like(leaf)
            new = published(other.values[name], gradient[name], target, leaf.detach().clone(), strength)
            acted[name] += not torch.equal(new, leaf.detach())
            leaf.data.copy_(new)
            torch.testing.assert_close(expected[name], new, rtol=1e-9, atol=1e-11)
    assert all(0 < count < 120 for count in acted.values())  # it acts, and not always


def test_a_whole_projection_keeps_the_distance_to_the_anchor() -> None:
    """Strength 1 puts a tensor back on the sphere on which it was, and never farther in."""
    world = bent(seed=2)
    recipe = Recipe(0.08, 120, optimiser="adam", pull="projection", strength=1.0, batch=2, seed=1)
    loss, other, kept = Squared(TWO, 2), bent(seed=2), 0
    _, values = run(world, recipe, TWO)
    for (_, rows), here, after in zip(
        zip(range(120), recipe.batches(6), strict=False), values[:-1], values[1:], strict=True
    ):
        other.values = here
        gradient = other.gradient(rows, loss)[1]
        for name in here:
            before, now = (float((each[name] - other.start[name]).norm()) for each in (here, after))
            if float((gradient[name] * (here[name] - other.start[name])).sum()) > 0:
                assert now <= before * (1 + 1e-12)
                kept += math.isclose(now, before, rel_tol=1e-9)
    assert kept


@pytest.mark.parametrize(
    ("pull", "optimiser"), [("always", "sgd"), ("always", "adam"), ("projection", "adam")]
)
def test_the_anchor_zero_draws_a_factor_to_nothing_and_the_start_to_where_it_was(
    pull: Literal["always", "projection"], optimiser: Literal["sgd", "adam"]
) -> None:
    """A product B A with B = 0, as in LoRA: A has no gradient of its own where B stays small."""
    draw = torch.Generator().manual_seed(0)
    a0 = torch.randn(2, 3, generator=draw, dtype=torch.float64)
    x = torch.randn(6, 3, generator=draw, dtype=torch.float64)
    start = {"A": a0, "B": torch.zeros(1, 2, dtype=torch.float64)}
    anchors: list[Literal["start", "zero"]] = ["start", "zero"]
    ends = {}
    for anchor in anchors:
        world = Function(start, lambda values: x @ values["A"].T @ values["B"].T)
        recipe = Recipe(0.02, 400, optimiser=optimiser, pull=pull, strength=1.0, anchor=anchor, batch=1)
        a = run(world, recipe, TWO)[1][-1]["A"]
        ends[anchor] = float(a.norm() / a0.norm()), float((a - a0).norm() / a0.norm())
    assert ends["zero"][0] < ends["start"][0]
    assert ends["zero"][1] > ends["start"][1]


@pytest.mark.parametrize("culprit", [{}, {"strength": 2.0, "pull": "selective"}])
def test_divergence_names_the_step_and_the_setting(culprit: dict[str, Any]) -> None:
    with pytest.raises(
        DivergedError, match=r"step \d+ of Recipe\(learning_rate=1000\.0.*smaller learning_rate"
    ):
        run(linear(), Recipe(1000.0, 500, **culprit))


class Overflowing(Function):
    """Gives outputs that are not finite from some step on."""

    finite = 1

    def gradient(self, rows: torch.Tensor, loss: Any) -> tuple[torch.Tensor, Vector]:
        self.finite -= 1
        if self.finite < 0:
            raise CorruptFileError("the outputs are not finite")
        return super().gradient(rows, loss)


def test_outputs_that_overflow_are_a_divergence() -> None:
    world = Overflowing(linear().start, linear().function)
    message = r"the loss of Overflowing is not finite at step 1 of Recipe\(learning_rate=0\.1, steps=2\)"
    with pytest.raises(DivergedError, match=message):
        run(world, Recipe(0.1, 2))


def test_outputs_that_never_were_finite_are_the_models_fault() -> None:
    world = Overflowing(linear().start, linear().function)
    world.finite = 0
    with pytest.raises(CorruptFileError, match="the outputs are not finite"):
        run(world, Recipe(0.1, 2))


def dual() -> Dual:
    slopes = np.random.default_rng(0).normal(size=(6, 2, 30))
    return Dual(np.einsum("nkp,mlp->nkml", slopes, slopes), np.zeros((6, 2)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"optimiser": "adam"}, "optimiser='adam' acts on each coordinate"),
        ({"optimiser": "signgd"}, "optimiser='signgd' acts on each coordinate"),
        ({"pull": "projection", "strength": 1.0}, "pull='projection' acts on each"),
        ({"anchor": "zero", "strength": 1.0}, "anchor='zero' lies outside the span"),
    ],
)
def test_the_dual_refuses_what_leaves_the_span_before_any_work(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        descend(dual(), Squared(LABELS, 3), Recipe(0.001, 2, **setting))


@pytest.mark.parametrize("setting", [{"pull": "projection"}, {"anchor": "zero"}])
def test_the_dual_does_not_mind_a_pull_of_no_strength(setting: dict[str, Any]) -> None:
    plain, other = dual(), dual()
    list(descend(plain, Squared(LABELS, 3), Recipe(0.001, 4)))
    list(descend(other, Squared(LABELS, 3), Recipe(0.001, 4, **setting)))
    assert torch.equal(plain.values["alpha"], other.values["alpha"])


@pytest.mark.parametrize(
    "setting", [{"strength": 3.0}, {"strength": 3.0, "pull": "selective", "momentum": 0.9}]
)
def test_the_dual_takes_the_path_of_the_linear_model(setting: dict[str, Any]) -> None:
    world = linear()
    slopes = torch.autograd.functional.jacobian(
        lambda u, w: world.function({"u": u, "w": w}), (world.start["u"], world.start["w"])
    )
    features = torch.cat([part.flatten(2) for part in slopes], dim=2).numpy()
    gram = np.einsum("nkp,mlp->nkml", features, features)
    twin = Dual(gram, world.function(world.start).numpy())
    recipe = Recipe(0.01, 40, **setting)
    steps, values = run(world, recipe)
    again = list(descend(twin, Squared(LABELS, 3), recipe))
    assert [step.pulled for step in steps] == [step.pulled for step in again]
    np.testing.assert_allclose([step.loss for step in steps], [step.loss for step in again], rtol=1e-9)
    assert twin.drift() == pytest.approx(norm(difference(values[-1], world.start)), rel=1e-9)
