"""A method attached to a prompted model: outputs, gradients, and a model that is left as it was."""

from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch

from lintune.errors import CorruptFileError, InputError
from lintune.kernels import tangent_kernels
from lintune.methods import Biases, DoRA, Full, LoRA, Method, Rows, Weights
from lintune.methods.attached import Attached
from lintune.tangents import all_sites, blocks_of, in_order
from tests.attached import jacobians, logits
from tests.kernels.test_engine import TEXTS, examples, function
from tests.tangents.test_prefix import layouts, left_behind
from tests.tiny import ARCHITECTURES

# Soft-capped and ALiBi attention, and the norms of Llama's family, compute in float32 always.
TOLERANCE = 1e-5


def above(name: str) -> list[str]:
    """Return patterns for the last block's layers."""
    model = function(name).pretrained.model
    last = len(blocks_of(model)) - 1
    return [site.name for site in all_sites(model).values() if site.block == last and site.kind == "linear"]


def methods_for(name: str) -> list[Method]:
    """Return methods above a frozen block, and one over the whole model."""
    top = above(name)
    found: list[Method] = [Weights(top), LoRA(2, 6, top), DoRA(2, 6, top), Rows(2, targets=top)]
    return [*found, Full(top), Full(), LoRA(2, 6, None)]


def moved(attached: Attached, by: float = 0.2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: (value + by * torch.randn(value.shape, generator=generator, dtype=value.dtype)).requires_grad_()
        for name, value in attached.start.items()
    }


def one_by_one(attached: Attached, values: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the outputs by the slow way: whole model, one prompt at a time."""
    prompted, method = attached.prompted, attached.method
    model = prompted.pretrained.model
    sites = method.sites(model)
    by_site: dict[str, dict[str, torch.Tensor]] = {name: {} for name in sites}
    for name, value in values.items():
        layer, _, short = name.rpartition(":")
        by_site[layer][short] = value
    rows = []
    for prompt in prompted.encode(examples(TEXTS)):
        found = logits(model, method, sites, by_site, torch.tensor([prompt.ids]))
        rows.append(found[0, prompt.readout, prompted.label_ids])
    return torch.stack(rows).double() @ attached.basis


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_outputs_and_gradients_are_those_of_the_whole_model(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in methods_for(name):
        attached = Attached(function(name), method)
        values = moved(attached)
        expected = one_by_one(attached, values)
        weights = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).reshape(expected.shape)
        gradients = torch.autograd.grad((weights * expected).sum(), list(values.values()))
        scale = max(float(gradient.abs().max()) for gradient in gradients)
        for packs in layouts(attached.prompted):
            monkeypatch.setattr(attached.prompted, "packs", packs)
            prepared = attached.prepare(examples(TEXTS))
            assert bool(prepared.states) == (attached.frozen_blocks > 0)
            found = attached.outputs(values, prepared)
            close(found, expected, TOLERANCE)
            mine = torch.autograd.grad((weights * found).sum(), list(values.values()), materialize_grads=True)
            for key, gradient, other in zip(values, mine, gradients, strict=True):
                assert (gradient - other).abs().max() < TOLERANCE * scale, (method.name, key)


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(
        found.double(), expected, rtol=0, atol=tolerance * float(expected.detach().abs().max())
    )


@pytest.mark.parametrize("name", ["gpt2-conv1d", "gemma2-softcap", "falcon-in-place", "roberta"])
@pytest.mark.parametrize("everything", [True, False])
def test_any_rows_in_any_order(name: str, everything: bool) -> None:
    attached = Attached(function(name), LoRA(2, 6, None if everything else above(name)))
    assert attached.frozen_blocks == (0 if everything else 1)
    prepared, values = attached.prepare(examples(TEXTS)), moved(attached)
    assert len(prepared) == len(TEXTS)
    with torch.no_grad():
        whole = attached.outputs(values, prepared)
        for rows in ([4, 2, 0], [1], [3, 3], range(1, 4)):
            close(attached.outputs(values, prepared, rows), whole[list(rows)], 1e-6)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_start_gives_the_contrasts_of_the_pretrained_logits(name: str) -> None:
    for method in methods_for(name):
        attached = Attached(function(name), method)
        expected = attached.prompted.predict(examples(TEXTS)) @ attached.basis
        close(attached.outputs(attached.start, attached.prepare(examples(TEXTS))), expected, TOLERANCE)


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "bert"])
def test_the_model_is_left_as_it_was(name: str) -> None:
    for method in methods_for(name):
        attached = Attached(function(name), method)
        model = attached.prompted.pretrained.model
        before, traces = attached.prompted.predict(examples(TEXTS)), left_behind(model)
        weights = {key: value.clone() for key, value in model.state_dict().items()}
        prepared, values = attached.prepare(examples(TEXTS)), moved(attached)
        attached.outputs(values, prepared).sum().backward()
        infinite = {key: torch.full_like(value, torch.inf) for key, value in values.items()}
        with pytest.raises(CorruptFileError):
            attached.outputs(infinite, prepared)
        with pytest.raises((InputError, RuntimeError)):
            attached.outputs({key: torch.ones(1, 2, 3, 4) for key in values}, prepared)
        assert left_behind(model) == traces
        assert torch.equal(attached.prompted.predict(examples(TEXTS)), before)
        assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())
        assert not any(parameter.requires_grad for parameter in model.parameters())
        assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("method", "depth"),
    [
        (Weights(["model.layers.1.*"]), 1),
        (Weights(["model.layers.0.mlp.up_proj", "model.layers.1.*"]), 0),
        (Full(["lm_head"]), 1),
        (Full(["lm_head", "model.layers.1.*"]), 1),
        (Full(["model.embed_tokens"]), 0),
        (Full(["model.norm"]), 0),
        (LoRA(2), 0),
    ],
)
def test_depth(method: Method, depth: int) -> None:
    assert Attached(function("llama"), method).frozen_blocks == depth


def test_parameters_are_named_by_layer_in_the_order_of_the_kernels_blocks() -> None:
    prompted, method = function("gpt2-conv1d"), Biases(["*.1.*", "transformer.ln_f"])
    attached = Attached(prompted, method)
    kernel = tangent_kernels(prompted, examples(TEXTS[:2]), methods=[method]).train[method.name]
    layers = list(dict.fromkeys(name.rpartition(":")[0] for name in attached.start))
    assert tuple(layers) == kernel.layers
    assert layers == list(in_order(prompted.pretrained.model, method.sites(prompted.pretrained.model)))
    assert all(fnmatchcase(name, "*:bias") for name in attached.start)


def test_the_gradient_at_the_start_is_the_jacobian() -> None:
    attached = Attached(function("opt"), LoRA(2, 6, None))
    values = {name: value.clone().requires_grad_() for name, value in attached.start.items()}
    outputs = attached.outputs(values, attached.prepare(examples(TEXTS)))
    gradients = torch.autograd.grad(outputs.sum(), list(values.values()))
    expected = jacobians(attached.prompted, examples(TEXTS), attached.method)
    for layer in expected:
        mine = torch.cat(
            [g.flatten() for key, g in zip(values, gradients, strict=True) if key.startswith(f"{layer}:")]
        )
        of_contrasts = np.einsum("icp,ck->p", expected[layer], attached.basis.numpy())
        torch.testing.assert_close(mine, torch.as_tensor(of_contrasts), rtol=1e-9, atol=1e-11)


def test_examples_prepared_for_other_frozen_blocks_are_refused() -> None:
    whole, top = Attached(function("llama"), Weights()), Attached(function("llama"), Weights(above("llama")))
    with pytest.raises(InputError, match="prepared has 0 frozen blocks; 'weights' freezes 1"):
        top.outputs(top.start, whole.prepare(examples()))


@pytest.mark.parametrize("method", [Weights(), LoRA(2, targets=None)], ids=lambda method: method.name)
def test_values_that_are_not_those_of_the_method_are_refused(method: Method) -> None:
    attached = Attached(function("llama"), method)
    prepared, name = attached.prepare(examples()), next(iter(attached.start))
    short = {key: value for key, value in attached.start.items() if key != name}
    for values in (
        short,
        attached.start | {name: torch.ones(1)},
        attached.start | {"lm_head:other": torch.ones(1)},
    ):
        with pytest.raises(InputError, match="values must be like `start`"):
            attached.outputs(values, prepared)


def test_a_forward_set_on_a_module_comes_back() -> None:
    prompted = function("llama")
    attached = Attached(prompted, LoRA(2, targets=None))
    layer = prompted.pretrained.model.get_submodule(next(iter(attached.start)).partition(":")[0])
    own = layer.forward
    layer.forward = own
    try:
        attached.outputs(attached.start, attached.prepare(examples()))
        assert vars(layer)["forward"] == own
    finally:
        del layer.forward
