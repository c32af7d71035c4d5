"""Methods inside models, trained by a plain loop, against what they are said to train and compute."""

import copy
from typing import cast

import pytest
import torch

from lintune.adapters import Attachment, attach, merge
from lintune.errors import InputError
from lintune.methods import (
    Biases,
    Full,
    LoRA,
    Norms,
    ParallelAdapter,
    Rows,
    SingularValues,
    Weights,
    count_parameters,
)
from lintune.tangents import in_order
from tests.adapters.zoo import CASES, fresh, logits, method_at, moved, same


def train(attachment: Attachment, steps: int = 3, rate: float = 0.01) -> None:
    """Take steps of Adam towards any logits but these."""
    optimiser = torch.optim.Adam(attachment.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (logits(attachment.model) - 1).pow(2).mean() + attachment.penalty()
        loss.backward()
        optimiser.step()


@pytest.mark.parametrize(("architecture", "place"), CASES)
def test_a_method_in_a_model(architecture: str, place: int) -> None:
    model, method = fresh(architecture), method_at(architecture, place)
    budget = count_parameters(method, model)
    before, state = logits(model), copy.deepcopy(model.state_dict())
    attachment = attach(model, method)
    torch.testing.assert_close(logits(model), before, rtol=0, atol=1e-12)
    asking = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in asking) == budget
    assert {id(p) for p in asking} == {id(p) for p in attachment.parameters()}

    start = attachment.values()
    train(attachment)
    values = attachment.values()
    assert any(not torch.equal(values[name], start[name]) for name in start)
    trained = {id(p) for p in attachment.parameters()}
    for name, parameter in model.named_parameters():
        if id(parameter) not in trained:
            assert torch.equal(parameter, state[name]), name
    after = logits(model)
    assert (after - before).abs().max() > 1e-6

    attachment.detach()
    same(dict(model.state_dict()), state)
    assert torch.equal(logits(model), before)
    assert not any(p.requires_grad for p in model.parameters())
    if not isinstance(method, ParallelAdapter):
        merge(model, method, values)
        torch.testing.assert_close(logits(model), after, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("architecture", "place"), CASES)
def test_values_that_are_given_are_begun_with(architecture: str, place: int) -> None:
    model, method = fresh(architecture), method_at(architecture, place)
    values = moved(model, method)
    state = copy.deepcopy(model.state_dict())
    attachment = attach(model, method, values)
    same(attachment.values(), values)
    attachment.detach()
    same(dict(model.state_dict()), state)


def test_gradients_are_those_of_the_method() -> None:
    """Against the layers' forwards put in by hooks."""
    model, method = fresh("llama"), LoRA(rank=2)
    values = moved(model, method)
    attachment = attach(model, method, values)
    logits(model).pow(2).sum().backward()
    found = [cast(torch.Tensor, p.grad) for p in attachment.parameters()]
    attachment.detach()
    leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
    for layer, site in in_order(model, method.sites(model)).items():
        site.module.register_forward_hook(
            lambda _module, given, _output, site=site, layer=layer: method.forward(
                site, {"B": leaves[f"{layer}:B"], "A": leaves[f"{layer}:A"]}, given[0]
            )
        )
    logits(model).pow(2).sum().backward()
    for gradient, leaf in zip(found, leaves.values(), strict=True):
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-12, atol=1e-12)


def test_layers_keep_their_weights_and_the_state_has_the_parameters() -> None:
    model = fresh("llama")
    before = dict(model.state_dict())
    attachment = attach(model, LoRA(rank=2))
    layer = model.get_submodule("model.layers.0.self_attn.q_proj")
    assert isinstance(layer, torch.nn.Linear)
    assert layer.weight.shape == (16, 16)
    added = {name for name in model.state_dict() if name not in before}
    assert set(before) < set(model.state_dict())
    assert added == {
        f"model.layers.{block}.self_attn.{name}_proj.lintune_adapter.{factor}"
        for block in range(2)
        for name in "qv"
        for factor in "AB"
    }
    attachment.detach()


def test_a_copy_of_the_model_has_parameters_of_its_own() -> None:
    model = fresh("llama")
    attachment = attach(model, LoRA(rank=2))
    twin = copy.deepcopy(model)
    before = logits(twin)
    train(attachment)
    assert torch.equal(logits(twin), before)
    layer = "model.layers.0.self_attn.q_proj.lintune_adapter"
    twin.get_submodule(layer).get_parameter("B").data += 1
    assert not torch.equal(logits(twin), before)
    with pytest.raises(InputError, match="attached"):
        attach(twin, LoRA(rank=2))


@pytest.mark.parametrize("method", [Rows(2, "random"), LoRA(rank=2)])
def test_the_model_may_change_its_type_while_attached(method: Rows | LoRA) -> None:
    model = fresh("llama")
    attach(model, method, moved(model, method))
    wide = logits(model)
    narrow = logits(model.float())
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow.double(), wide, rtol=0, atol=1e-4)


def test_the_penalty_is_the_methods() -> None:
    model, method = fresh("llama"), LoRA(rank=2, mpc="o", mpc_weight=0.5)
    values = moved(model, method)
    attachment = attach(model, method, values)
    expected = sum(
        method.penalty({"A": values[f"{layer}:A"], "B": values[f"{layer}:B"]})
        for layer in method.sites(model)
    )
    torch.testing.assert_close(attachment.penalty(), expected)
    attachment.detach()
    assert float(attach(model, LoRA(rank=2)).penalty()) == 0


def test_flags_and_forwards_come_back_as_they_were() -> None:
    model = fresh("llama")
    layer = model.get_submodule("model.layers.0.self_attn.q_proj")
    model.get_parameter("model.norm.weight").requires_grad_(True)
    own = layer.forward
    layer.forward = lambda x: 2 * own(x)
    doubled = logits(model)
    attachment = attach(model, LoRA(rank=2))
    assert not model.get_parameter("model.norm.weight").requires_grad
    attachment.detach()
    attachment.detach()  # again: nothing happens
    assert torch.equal(logits(model), doubled)
    asking = [name for name, p in model.named_parameters() if p.requires_grad]
    assert asking == ["model.norm.weight"]


@pytest.mark.parametrize("method", [LoRA(rank=2), Norms()])
def test_one_method_at_a_time(method: LoRA | Norms) -> None:
    model = fresh("llama")
    attachment = attach(model, method)
    for second in (Weights(), LoRA(rank=2)):
        with pytest.raises(InputError, match="detach it first"):
            attach(model, second)
    with pytest.raises(InputError, match="detach it first"):
        merge(model, method, attachment.values())
    attachment.detach()
    attach(model, Weights()).detach()


def test_values_that_do_not_fit_leave_the_model_alone() -> None:
    model = fresh("opt")
    good = moved(model, LoRA(rank=2))
    name = next(iter(good))
    layer = name.rpartition(":")[0]
    state = copy.deepcopy(model.state_dict())
    for wrong, message in (
        ({name: good[name]}, "trains"),
        (good | {name: good[name][:, :1]}, "trains"),
        (good | {"lm_head:A": good[name]}, "no layer"),
        (good | {name: good[name] * float("nan")}, "finite"),
        (good | {f"{layer}:C": good[name]}, "trains"),
    ):
        with pytest.raises(InputError, match=message):
            attach(model, LoRA(rank=2), wrong)
        same(dict(model.state_dict()), state)
    attach(model, LoRA(rank=2), good).detach()


@pytest.mark.parametrize("method", [Full(), Biases()])
def test_a_shared_parameter_is_one(method: Full | Biases) -> None:
    """BERT's head has the embedding's weight, and a bias that two modules know."""
    model = fresh("bert")
    attachment = attach(model, method)
    parameters = list(attachment.parameters())
    assert len(parameters) == len({id(p) for p in parameters})
    attachment.detach()


@pytest.mark.slow
def test_the_trainer_of_transformers_trains_it(tmp_path: object) -> None:
    import transformers

    model = fresh("llama", torch.float32)
    attachment = attach(model, LoRA(rank=2))
    start = attachment.values()
    rows = [{"input_ids": [5, 9, 11, 7], "labels": [9, 11, 7, 20]} for _ in range(4)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=2, report_to=[], save_strategy="no", use_cpu=True
    )
    transformers.Trainer(model=model, args=arguments, train_dataset=rows).train()
    values = attachment.values()
    assert any(not torch.equal(values[name], start[name]) for name in start)


def test_in_half_precision_what_is_added_stays_in_float32() -> None:
    """Steps far below the spacing of bfloat16 around the values add up."""
    model = fresh("llama").bfloat16()
    attachment = attach(model, LoRA(2, 4, None))
    assert {parameter.dtype for parameter in attachment.parameters()} == {torch.float32}
    before = attachment.values()
    train(attachment, steps=20, rate=1e-5)
    after = attachment.values()
    moved_share = torch.cat([(after[name] != before[name]).flatten() for name in before]).float().mean()
    assert moved_share > 0.9
    assert logits(model).dtype == torch.bfloat16


def test_own_parameters_in_half_precision_are_refused() -> None:
    model = fresh("llama").bfloat16()
    with pytest.raises(InputError, match="lost to rounding; load it with dtype=torch.float32"):
        attach(model, Norms())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_singular_values_in_half_precision() -> None:
    model = fresh("llama").half()
    attachment = attach(model, SingularValues())
    assert torch.isfinite(logits(model)).all()
    attachment.detach()
