"""Every method with small options, on the architectures where it fits, and values away from its start."""

import copy

import pytest
import torch
import transformers

from lintune.methods import IA3, LoRA, Method, draws
from lintune.models import Pretrained
from lintune.tangents import in_order, linear_weight, tunable_layers
from tests.methods.test_start_and_forward import methods_for
from tests.tiny import pretrained

ARCHITECTURES = ("llama", "gpt2-conv1d", "bert", "opt", "qwen2")
IDS = torch.tensor([[5, 9, 11, 7, 20], [6, 6, 8, 30, 21]])
# By place: an instance may hold tensors of one architecture.
CASES = [
    pytest.param(architecture, place, id=f"{architecture}-{method.name}")
    for architecture in ARCHITECTURES
    for place, method in enumerate(methods_for(architecture))
]


def method_at(architecture: str, place: int) -> Method:
    return methods_for(architecture)[place]


def fresh(architecture: str, dtype: torch.dtype = torch.float64) -> transformers.PreTrainedModel:
    """Return a model of one's own to change."""
    return copy.deepcopy(pretrained(architecture, dtype).model)


def known(architecture: str) -> Pretrained:
    return pretrained(architecture)


def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(input_ids=IDS).logits


def moved(model: transformers.PreTrainedModel, method: Method, by: float = 0.1) -> dict[str, torch.Tensor]:
    """Return the method's values with noise, by `layer:name`."""
    return {
        f"{layer}:{short}": value
        + by * draws.gaussian(7, f"{layer}:{short}", (1, value.numel())).reshape(value.shape).to(value)
        for layer, site in in_order(model, method.sites(model)).items()
        for short, value in method.start(site).items()
    }


def ia3_of(architecture: str) -> IA3:
    """Return IA3 with the inputs of each block's last layer."""
    layers = list(tunable_layers(known(architecture).model))
    return IA3(tuple(layers[:-1]), (layers[-1],))


def lora_with_factors(architecture: str) -> LoRA:
    (method,) = (m for m in methods_for(architecture) if isinstance(m, LoRA) and m.up is not None)
    return method


def shapes_of(architecture: str) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(linear_weight(site).shape)
        for name, site in tunable_layers(known(architecture).model).items()
    }


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value), name
