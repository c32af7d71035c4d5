"""Methods that scale a layer's inputs or outputs: IA3 (Liu et al., 2022), SSL and SSB (Si et al., 2024)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from transformers import PreTrainedModel

from lintune.methods.forms import Form, Vector, summed
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import LinearTap, Site, Tap, select, tunable_layers


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
        return [
            _of_inputs(tap) if self._scales_inputs(tap.name) else summed(tap.g * tap.outputs(), tap.lengths)
        ]

    def parameters(self, site: Site) -> int:
        """Return d_out, or d_in where inputs are scaled."""
        return matrix_shape(site)[1 if self._scales_inputs(site.name) else 0]

    def _scales_inputs(self, layer: str) -> bool:
        return any(fnmatchcase(layer, pattern) for pattern in self.feedforward)


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


def _of_inputs(tap: LinearTap) -> Vector:
    return summed(tap.pulled_back() * tap.x, tap.lengths)
