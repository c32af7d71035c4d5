"""Methods in peft's words: its configuration, and its tensors for each layer."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from lintune.methods import IA3, AdaLoRA, DoRA, LoRA, VeRA
from lintune.tangents import Site, linear_weight

Values = Mapping[str, Mapping[str, torch.Tensor]]
Sites = Mapping[str, Site]


@dataclass(frozen=True)
class Form:
    """A method as peft has it.

    Attributes:
        config: Name of peft's configuration class.
        options: Its arguments.
        values: For each layer, tensors by the attribute of peft's layer that holds them.
        shared: Tensors that all layers share, by the attribute of peft's tuner.
    """

    config: str
    options: dict[str, Any]
    values: dict[str, dict[str, torch.Tensor]]
    shared: dict[str, torch.Tensor] = field(default_factory=dict)


def lora(method: LoRA, sites: Sites, values: Values) -> Form:
    """Return LoRA; away from a given start, the change B A - B_0 A_0 as factors of twice the rank."""
    if method.up is None:
        found = {layer: {"lora_A": here["A"], "lora_B": here["B"]} for layer, here in values.items()}
        return Form("LoraConfig", _low_rank(method, sites), found)
    found = {}
    for layer, here in values.items():
        start = method.start(sites[layer])
        found[layer] = {
            "lora_A": torch.cat([here["A"], start["A"]]),
            "lora_B": torch.cat([here["B"], -start["B"]], dim=1),
        }
    doubled = {"r": 2 * method.rank, "lora_alpha": _number(2 * method.alpha)}
    return Form("LoraConfig", _low_rank(method, sites) | doubled, found)


def dora(method: DoRA, sites: Sites, values: Values) -> Form:
    """Return DoRA."""
    found = {
        layer: {"lora_A": here["A"], "lora_B": here["B"], "lora_magnitude_vector": here["m"]}
        for layer, here in values.items()
    }
    return Form("LoraConfig", _low_rank(method, sites) | {"use_dora": True}, found)


def adalora(method: AdaLoRA, sites: Sites, values: Values) -> Form:
    """Return AdaLoRA at its full budget: peft divides by r + 1e-5, which goes into its E."""
    correction = (method.rank + 1e-5) / method.rank
    found = {
        layer: {"lora_A": here["A"], "lora_B": here["B"], "lora_E": here["M"] * correction}
        for layer, here in values.items()
    }
    options = _low_rank(method, sites)
    rank = options.pop("r")
    # The schedule of a training that is over; no penalty on top of a loss.
    budget = {"init_r": rank, "target_r": rank, "total_step": 1, "orth_reg_weight": 0.0}
    return Form("AdaLoraConfig", options | budget, found)


def vera(method: VeRA, sites: Sites, values: Values) -> Form:
    """Return VeRA: peft has one A for all layers, with the bound of the widest; d makes up for it."""
    shapes = [linear_weight(site).shape for site in sites.values()]
    tallest, widest = (max(sides) for sides in zip(*shapes, strict=True))
    b, a = method.factors(tallest, widest, torch.empty(0))
    found = {
        layer: {
            "vera_lambda_b": here["b"],
            "vera_lambda_d": here["d"] * math.sqrt(widest / linear_weight(sites[layer]).shape[1]),
        }
        for layer, here in values.items()
    }
    options = {"r": method.rank, "d_initial": method.scale, "save_projection": True}
    return Form(
        "VeraConfig", _targets(sites) | options, found, {"vera_A": method.a_bound(widest) * a, "vera_B": b}
    )


def ia3(method: IA3, sites: Sites, values: Values) -> Form:
    """Return IA3, with its layers as exact expressions: peft shortens lists, and not both alike."""
    inputs = [layer for layer, here in values.items() if "inputs" in here]
    found = {layer: {"ia3_l": next(iter(here.values()))} for layer, here in values.items()}
    exact = {"target_modules": _any_of(sites), "feedforward_modules": _any_of(inputs)}
    return Form("IA3Config", _targets(sites) | exact, found)


def _low_rank(method: LoRA | DoRA | AdaLoRA, sites: Sites) -> dict[str, Any]:
    return _targets(sites) | {"r": method.rank, "lora_alpha": _number(method.alpha)}


def _targets(sites: Sites) -> dict[str, Any]:
    transposed = any(isinstance(site.module, Conv1D) for site in sites.values())
    return {"target_modules": list(sites), "fan_in_fan_out": transposed}


def _number(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _any_of(layers: Iterable[str]) -> str:
    return "|".join(re.escape(layer) for layer in layers) or "(?!)"
