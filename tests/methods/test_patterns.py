"""Matrix pattern constraints: the penalties, and that training descends them."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from lintune.descent import Recipe, descend, loss_for
from lintune.errors import InputError
from lintune.finetune import Setup, finetune
from lintune.linearized import Dual
from lintune.methods import AdaLoRA, DoRA, FLoRA, LoRA, Method, ParallelAdapter, TriLoRA
from lintune.methods.attached import Attached
from lintune.methods.patterns import PATTERNS, Pattern, penalty
from tests.finetune.test_run import SPLIT, TRAIN, function
from tests.methods.test_attached import moved

LAST = ("*.layers.1.*",)


def factors(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return (
        torch.randn(7, 3, generator=draw, dtype=torch.float64),
        torch.randn(3, 5, generator=draw, dtype=torch.float64),
    )


def test_penalties_entry_by_entry() -> None:
    b, a = factors()
    of_a = sum((float(a[i] @ a[j]) - (i == j)) ** 2 for i in range(3) for j in range(3))
    off = sum(float(b[:, i] @ b[:, j]) ** 2 for i in range(3) for j in range(3) if i != j)
    lengths = sum((float(b[:, i] @ b[:, i]) - 1) ** 2 for i in range(3))
    assert float(penalty("d", b, a)) == pytest.approx(of_a + off)
    assert float(penalty("o", b, a)) == pytest.approx(of_a + off + lengths)


def test_what_has_the_pattern_costs_nothing() -> None:
    b, a = (torch.linalg.qr(each)[0] for each in (factors()[0], factors()[1].T))
    assert float(penalty("o", b, a.T)) == pytest.approx(0, abs=1e-24)
    assert float(penalty("d", b * torch.tensor([2.0, 0.5, 3.0]), a.T)) == pytest.approx(0, abs=1e-24)
    assert float(penalty("o", 2 * b, a.T)) == pytest.approx(27)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_penalties_do_not_see_rotations_of_the_outer_sides(pattern: Pattern) -> None:
    b, a = factors()
    left, right = (
        torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n)))[0]
        for n in (7, 5)
    )
    assert float(penalty(pattern, left @ b, a @ right)) == pytest.approx(float(penalty(pattern, b, a)))


@pytest.mark.parametrize("made", [LoRA, DoRA, FLoRA, TriLoRA, AdaLoRA, ParallelAdapter])
def test_every_factorised_method_has_them_by_name(made: Any) -> None:
    free = made(rank=2, targets=LAST, mpc=None)
    assert not free.penalised
    assert Attached(function(), free).penalty is None
    names = {free.name}
    for pattern in PATTERNS:
        method = made(rank=2, targets=LAST, mpc=pattern, mpc_weight=0.3)
        attached = Attached(function(), method)
        assert attached.penalty is not None
        values = moved(attached)
        expected = sum(
            0.3 * penalty(pattern, values[f"{layer}:B"], values[f"{layer}:A"])
            for layer in {name.rpartition(":")[0] for name in values}
        )
        torch.testing.assert_close(attached.penalty(values), expected)
        names.add(method.name)
        assert Attached(function(), replace(method, mpc_weight=0.0)).penalty is None
    assert len(names) == 3


def test_n_is_the_parallel_adapter() -> None:
    with pytest.raises(InputError, match="their 'n' is the method 'parallel-adapter'"):
        LoRA(mpc="n")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mpc_weight=-1 must be at least 0"):
        LoRA(mpc="o", mpc_weight=-1)


METHODS: list[Method] = [
    LoRA(2, 4, LAST, mpc="o", mpc_weight=0.5),
    TriLoRA(2, 4, LAST, mpc="d", mpc_weight=0.5),
    AdaLoRA(2, 4, LAST, mpc_weight=0.5),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_training_descends_loss_and_penalty(method: Method) -> None:
    recipe = Recipe(1e-3, 3, loss="cross-entropy")
    found = finetune(Setup.of(function(), method, SPLIT), recipe, twin=False)
    attached = Attached(function(), method)
    assert attached.penalty is not None
    prepared, loss = attached.prepare(TRAIN), loss_for("cross-entropy", TRAIN.labels, 3)
    values = {name: value.clone().requires_grad_() for name, value in attached.start.items()}
    objectives = []
    for step in range(4):
        fit = loss.value(attached.outputs(values, prepared), torch.arange(len(TRAIN)))
        objective = fit + attached.penalty(values)
        objectives.append(float(objective))
        if step < 3:
            grads = torch.autograd.grad(objective, list(values.values()))
            values = {
                name: (value - 1e-3 * grad).detach().requires_grad_()
                for (name, value), grad in zip(values.items(), grads, strict=True)
            }
    assert found.rows.objective.tolist() == pytest.approx(objectives)
    assert (found.rows.objective - found.rows.loss > 0.1).all()
    for name, value in values.items():
        torch.testing.assert_close(found.values[name], value.detach(), rtol=1e-9, atol=1e-12)


def test_batches_count_the_penalty_once() -> None:
    method = LoRA(2, 4, LAST, mpc="o", mpc_weight=0.5)
    setup = Setup.of(function(), method, SPLIT)
    # At B = 0 the gradient for A comes from the penalty alone.
    before = setup.attached.start
    after = finetune(setup, Recipe(1e-3, 1, loss="cross-entropy", batch=2), twin=False).values
    for name in (name for name in before if name.endswith(":A")):
        a = before[name].clone().requires_grad_()
        (grad,) = torch.autograd.grad(0.5 * penalty("o", before[name.replace(":A", ":B")], a), a)
        torch.testing.assert_close(after[name], before[name] - 1e-3 * grad)


def test_the_linear_twin_has_the_same_penalty() -> None:
    """Early on both are near: the gap falls with the square of the rate, which it would not otherwise."""
    method = TriLoRA(2, 4, LAST, mpc="o", mpc_weight=5.0)
    setup = Setup.of(function(), method, SPLIT)
    gaps = [
        float(finetune(setup, Recipe(rate, 3, loss="cross-entropy"), twin=True).rows.gap.iloc[-1])
        for rate in (1e-3, 1e-4)
    ]
    assert gaps[0] / gaps[1] > 60


def test_the_dual_refuses_a_penalty() -> None:
    world = Dual(torch.eye(4, dtype=torch.float64).reshape(2, 2, 2, 2).numpy(), torch.zeros(2, 2).numpy())
    loss = loss_for("squared", TRAIN.labels[:2], 3)
    with pytest.raises(InputError, match="penalty is a function of coordinates"):
        descend(world, loss, Recipe(0.1, 1), lambda values: values["alpha"].sum())


def test_the_model_is_left_as_it_was() -> None:
    model = function().pretrained.model
    before = copy.deepcopy(model.state_dict())
    finetune(Setup.of(function(), METHODS[0], SPLIT), Recipe(1e-2, 2), twin=False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
