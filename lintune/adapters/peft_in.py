"""From a model of huggingface peft to an adapter."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lintune.adapters.adapter import Adapter
from lintune.adapters.peft_out import tuner_layers
from lintune.errors import InputError
from lintune.methods import IA3, DoRA, LoRA, Method
from lintune.models.fingerprint import fingerprint

if TYPE_CHECKING:
    from peft import PeftModel

Values = dict[str, torch.Tensor]
# Starts of LoRA that take a part out of the pretrained weights.
_MOVED = ("pissa", "olora", "corda", "loftq")
# What peft may train beside the layers, and no method here does.
_BESIDE = ("modules_to_save", "trainable_token_indices", "target_parameters")


def from_peft(model: "PeftModel", *, name: str | None = None, weights: str | None = None) -> Adapter:
    """Return what peft trained by LoRA, DoRA or IA3 as an adapter.

    Dropout is left out: it is no part of the function.

    Args:
        model: With one active adapter that is not merged.
        name: Name of the pretrained model; None for what peft calls it.
        weights: Fingerprint of its weights; None for that of the weights in the model as they are, which
            for weights that were stored in another dtype is another.

    Raises:
        InputError: It is another method, or has something that the method here has not: ranks or scales
            that differ between layers, trained biases, whole modules beside, or a start that changed the
            pretrained weights, such as PiSSA's.
    """
    adapter, config = _active(model)
    layers = tuner_layers(model)
    _check(config, layers)
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    if kind == "LORA":
        method, values = _lora(adapter, config, layers)
    elif kind == "IA3":
        method, values = _ia3(adapter, layers)
    else:
        raise InputError(f"model has an adapter of the kind {kind}; LORA (DoRA with it) and IA3 are read.")
    return Adapter(
        method,
        values,
        name or config.base_model_name_or_path or "unknown",
        weights or fingerprint(_pretrained_state(model, layers)),
    )


def _active(model: Any) -> tuple[str, Any]:
    names = list(model.active_adapters)
    if len(names) != 1:
        raise InputError(f"model has the active adapters {names}; exactly one is read.")
    return names[0], model.peft_config[names[0]]


def _check(config: Any, layers: Mapping[str, Any]) -> None:
    beside = [key for key in _BESIDE if getattr(config, key, None)]
    if beside or getattr(config, "bias", "none") != "none":
        raise InputError(f"model: peft trains {beside[0] if beside else 'biases'} beside the layers.")
    initial = getattr(config, "init_lora_weights", True)
    if str(initial).lower().split("_")[0] in _MOVED:
        raise InputError(
            f"model: init_lora_weights={initial!r} starts from other weights than the pretrained."
        )
    if getattr(config, "lora_bias", False):
        raise InputError("model: lora_bias=True adds a bias that LoRA here does not have.")
    if not layers or any(layer.merged for layer in layers.values()):
        raise InputError("model has no layers with an adapter that is not merged; unmerge it first.")
    for name, layer in layers.items():
        base = layer.get_base_layer()
        if not isinstance(base, nn.Linear | Conv1D):
            raise InputError(f"model: {name!r} is a {type(base).__name__}; only linear layers are read.")


def _lora(adapter: str, config: Any, layers: Mapping[str, Any]) -> tuple[Method, Values]:
    kinds = {(layer.r[adapter], layer.scaling[adapter]) for layer in layers.values()}
    if len(kinds) > 1:
        raise InputError(f"model: rank and scale differ between layers, {sorted(kinds)[:3]}.")
    ((rank, scale),) = kinds
    values: Values = {}
    for name, layer in layers.items():
        values[f"{name}:B"] = _copy(layer.lora_B[adapter].weight)
        values[f"{name}:A"] = _copy(layer.lora_A[adapter].weight)
        if config.use_dora:
            values[f"{name}:m"] = _copy(layer.lora_magnitude_vector[adapter].weight).flatten()
    made = DoRA if config.use_dora else LoRA
    return made(rank=rank, alpha=scale * rank, targets=tuple(layers)), values


def _ia3(adapter: str, layers: Mapping[str, Any]) -> tuple[Method, Values]:
    inputs = tuple(name for name, layer in layers.items() if layer.is_feedforward)
    values = {
        f"{name}:{'inputs' if name in inputs else 'outputs'}": _copy(layer.ia3_l[adapter]).flatten()
        for name, layer in layers.items()
    }
    return IA3(tuple(name for name in layers if name not in inputs), inputs), values


def _copy(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.detach().clone()


def _pretrained_state(model: Any, layers: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return the state of the pretrained model, under the names that it had there."""
    state = {}
    for key, value in model.base_model.model.state_dict().items():
        if ".base_layer." in key:
            state[key.replace(".base_layer.", ".")] = value
        elif not any(key.startswith(f"{layer}.") for layer in layers):
            state[key] = value
    return state
