"""Tuning weight matrices alone: the attention and MLP weights, without biases, norms and embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from transformers import PreTrainedModel

from lintune.methods.forms import Form
from lintune.methods.method import OfLinearLayers
from lintune.methods.own import OwnParameters
from lintune.methods.registry import register
from lintune.methods.zoo.full import weight_gradients
from lintune.tangents import Site, Tap, all_sites, select, tunable_layers


@register("weights")
@dataclass(frozen=True)
class Weights(OwnParameters, OfLinearLayers):
    """Train the weight matrices of linear layers inside the blocks; everything else stays frozen.

    A head is trained too where a target is its very name, and it has a weight of its own.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "weights"
    only: ClassVar[str | None] = "weight"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted linear layers of the blocks, and the head where it is named."""
        named = {
            name: site
            for name, site in all_sites(model).items()
            if site.kind == "head" and not site.tied and name in (self.targets or ())
        }
        return select(tunable_layers(model) | named, self.targets)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g x^T, with x and g as captured."""
        return weight_gradients(tap)
