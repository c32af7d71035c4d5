"""What is tuned: all linear weights, or LoRA; and the function that the peers differentiate."""

from dataclasses import dataclass
from typing import Literal

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from benchmarks.inputs import Inputs
from lintune.methods import LoRA, Method, Weights

_BODY = "model."  # how names of the body's modules begin in the whole model
_TARGETS = ("q_proj", "v_proj")
_ALPHA = 16.0
_SPREAD = 0.02  # of B: away from 0, where the half of the kernel that belongs to A would vanish


@dataclass(frozen=True)
class Setting:
    """What is tuned.

    Attributes:
        kind: `full` for the weights of all attention and MLP layers, `lora` for LoRA on queries and values.
        rank: Rank of LoRA.
        top: How many blocks are tuned, from the output down; None for all.
    """

    kind: Literal["full", "lora"]
    rank: int = 8
    top: int | None = None


class Scalar(nn.Module):
    """The output f of the benchmark, one number for each sentence, with the cheapest possible head.

    Only the label words' rows of the head are read, at the last token: no peer pays for the vocabulary.
    Sentences are padded on the right; under causal attention no mask is needed then, so the fast attention
    without a mask is used.
    """

    def __init__(self, body: nn.Module, direction: torch.Tensor) -> None:
        """Put the direction `(d,)`, the contrast of the label words' rows, onto a body."""
        super().__init__()
        self.body = body
        self.register_buffer("direction", direction)

    def forward(self, ids: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Return `(n,)` outputs of `(n, T)` token ids, read at positions `(n,)`."""
        hidden = self.body(input_ids=ids, use_cache=False).last_hidden_state
        return hidden[torch.arange(len(ids), device=ids.device), last] @ self.direction


@dataclass(frozen=True)
class Tuned:
    """A function and what is tuned of it; everything else is frozen.

    Attributes:
        function: The function.
        layers: The linear layers that hold the tuned weights, by name within the function.
    """

    function: Scalar
    layers: dict[str, nn.Linear]

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """The tuned weights, by name within the function."""
        return {f"{name}.weight": layer.weight for name, layer in self.layers.items()}

    @property
    def size(self) -> int:
        """Number of tuned numbers."""
        return sum(weight.numel() for weight in self.parameters.values())


def tune(setting: Setting, inputs: Inputs) -> Tuned:
    """Return the function of the peers: for LoRA, a model of the peft library with the same factors."""
    body = inputs.prompted.pretrained.model.base_model
    layers = _linear_layers(setting, inputs)
    if setting.kind == "lora":
        layers = _adapters(setting, inputs, [*layers])
    function = Scalar(body, inputs.direction).eval().requires_grad_(False)
    for layer in layers.values():
        layer.weight.requires_grad_()
    return Tuned(function, {f"body.{name}": layer for name, layer in layers.items()})


def method(setting: Setting, inputs: Inputs) -> Method:
    """Return the same for lintune, whose model gets LoRA's factors merged into its weights."""
    if setting.kind == "full":
        return Weights(targets=_patterns(setting, inputs))
    down, up = factors(setting, inputs)
    for name in down:
        weight = inputs.prompted.pretrained.model.get_parameter(f"{name}.weight")
        weight.data += (_ALPHA / setting.rank) * up[name].to(weight) @ down[name].to(weight)
    return LoRA(setting.rank, _ALPHA, [*down], down=down, up=up)


def factors(setting: Setting, inputs: Inputs) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return LoRA's A, as lintune draws it, and B, Gaussian, by name of the layer in the whole model."""
    drawn = LoRA(setting.rank, _ALPHA)
    random = torch.Generator().manual_seed(0)
    down, up = {}, {}
    for name, layer in _linear_layers(setting, inputs).items():
        full = f"{_BODY}{name}"
        down[full] = drawn.a(full, layer.in_features)
        up[full] = _SPREAD * torch.randn(layer.out_features, setting.rank, generator=random)
    return down, up


def _adapters(setting: Setting, inputs: Inputs, targets: list[str]) -> dict[str, nn.Linear]:
    """Put peft's adapters onto the body and return their halves by name."""
    body = inputs.prompted.pretrained.model.base_model
    down, up = factors(setting, inputs)
    config = LoraConfig(r=setting.rank, lora_alpha=int(_ALPHA), target_modules=targets, lora_dropout=0.0)
    inject_adapter_in_model(config, body)
    layers = {}
    for name in targets:
        wrapped = body.get_submodule(name)
        for half, values in (("lora_A", down), ("lora_B", up)):
            layer = getattr(wrapped, half)["default"]
            layer.weight.data.copy_(values[f"{_BODY}{name}"])
            layers[f"{name}.{half}.default"] = layer
    return layers


def _linear_layers(setting: Setting, inputs: Inputs) -> dict[str, nn.Linear]:
    """Return the targeted layers by name within the body."""
    body = inputs.prompted.pretrained.model.base_model
    lowest = _lowest(setting, inputs)
    return {
        name: module
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear)
        and int(name.split(".")[1]) >= lowest
        and (setting.kind == "full" or name.endswith(_TARGETS))
    }


def _patterns(setting: Setting, inputs: Inputs) -> list[str] | None:
    if setting.top is None:
        return None
    blocks = inputs.prompted.pretrained.model.config.num_hidden_layers
    return [f"{_BODY}layers.{index}.*" for index in range(_lowest(setting, inputs), blocks)]


def _lowest(setting: Setting, inputs: Inputs) -> int:
    """Return the index of the lowest tuned block."""
    blocks = int(inputs.prompted.pretrained.model.config.num_hidden_layers)
    return 0 if setting.top is None else blocks - setting.top
