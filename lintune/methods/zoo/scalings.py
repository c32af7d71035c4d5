"""Methods that scale a layer's inputs or outputs: IA3 (Liu et al., 2022), SSL and SSB (Si et al., 2024)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import torch
from transformers import PreTrainedModel

from lintune.methods.forms import Form, Vector, summed
from lintune.methods.layers import own_output, products, trained, with_bias, with_weight
from lintune.methods.method import OfLinearLayers
from lintune.methods.registry import register
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import LinearTap, Site, Tap, linear_weight, select, tunable_layers

Side = Literal["inputs", "outputs"]


@register("ia3")
@dataclass(frozen=True)
class IA3:
    """Train factors, one at first, on the outputs of some layers and on the inputs of others.

    As in huggingface peft the whole output is scaled, its bias included.

    Attributes:
        targets: Shell-style patterns of layers whose outputs are scaled.
        feedforward: Patterns of layers whose inputs are scaled (the last layer of the MLP).
        name: Short name.
    """

    targets: Sequence[str] = ("*.k_proj", "*.v_proj")
    feedforward: Sequence[str] = ("*.down_proj",)
    name: str = "ia3"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted linear layers of the blocks."""
        return select(tunable_layers(model), (*self.targets, *self.feedforward))

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g y, or of x (W^T g), entry by entry."""
        tap = linear(tap)
        if self._side(tap.name) == "inputs":
            return [_of_inputs(tap)]
        return [summed(tap.g * tap.outputs(), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return d_out, or d_in where inputs are scaled."""
        return _size(site, self._side(site.name))

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return ones: for the outputs `(d_out,)`, or for the inputs `(d_in,)`."""
        return _ones(site, self._side(site.name))

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output times the factors; or its output for its inputs times the factors."""
        side = self._side(site.name)
        (factors,) = _factors(site, values, side)
        return own_output(site, x * factors) if side == "inputs" else own_output(site, x) * factors

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W D; or D W with the bias scaled, too."""
        side = self._side(site.name)
        (factors,) = _factors(site, values, side)
        if side == "inputs":
            return with_weight(site, linear_weight(site) * factors)
        scaled = with_weight(site, linear_weight(site) * factors[:, None])
        bias = site.parameters.get("bias")
        return scaled if bias is None else scaled | {"bias": bias * factors}

    def _side(self, layer: str) -> Side:
        return "inputs" if any(fnmatchcase(layer, pattern) for pattern in self.feedforward) else "outputs"


@register("ssl")
@dataclass(frozen=True)
class SSL(OfLinearLayers):
    """Train one factor per input of each weight: W D with D = I at first.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "ssl"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of x (W^T g), entry by entry."""
        return [_of_inputs(linear(tap))]

    def parameters(self, site: Site) -> int:
        """Return d_in."""
        return matrix_shape(site)[1]

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return ones for the inputs `(d_in,)`."""
        return _ones(site, "inputs")

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W D x + b."""
        (inputs,) = _factors(site, values, "inputs")
        return own_output(site, x * inputs)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W D."""
        (inputs,) = _factors(site, values, "inputs")
        return with_weight(site, linear_weight(site) * inputs)


@register("ssb")
@dataclass(frozen=True)
class SSB(OfLinearLayers):
    """Train one factor per input and one per output of each weight: D' W D, both I at first.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "ssb"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of x (W^T g) and of g (W x), entry by entry."""
        tap = linear(tap)
        return [_of_inputs(tap), summed(tap.g * tap.products(), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return d_in + d_out."""
        return sum(matrix_shape(site))

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return ones for the inputs `(d_in,)` and for the outputs `(d_out,)`."""
        return _ones(site, "inputs", "outputs")

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return D' W D x + b: the bias is not scaled."""
        inputs, outputs = _factors(site, values, "inputs", "outputs")
        return with_bias(site, products(site, x * inputs) * outputs)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return D' W D."""
        inputs, outputs = _factors(site, values, "inputs", "outputs")
        return with_weight(site, linear_weight(site) * inputs * outputs[:, None])


def _ones(site: Site, *sides: Side) -> dict[str, torch.Tensor]:
    return {side: linear_weight(site).new_ones(_size(site, side)) for side in sides}


def _factors(site: Site, values: Mapping[str, torch.Tensor], *sides: Side) -> list[torch.Tensor]:
    return trained(site, values, {side: (_size(site, side),) for side in sides})


def _size(site: Site, side: Side) -> int:
    return matrix_shape(site)[1 if side == "inputs" else 0]


def _of_inputs(tap: LinearTap) -> Vector:
    return summed(tap.pulled_back() * tap.x, tap.lengths)
