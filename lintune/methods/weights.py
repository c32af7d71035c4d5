"""Tuning weight matrices alone: the attention and MLP weights, without biases, norms and embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lintune.methods.forms import Form
from lintune.methods.full import weight_gradients
from lintune.methods.method import OfLinearLayers
from lintune.methods.own import OwnParameters
from lintune.tangents import Tap


@dataclass(frozen=True)
class Weights(OwnParameters, OfLinearLayers):
    """Train the weight matrices of linear layers inside the blocks; everything else stays frozen.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "weights"
    only: ClassVar[str | None] = "weight"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g x^T, with x and g as captured."""
        return weight_gradients(tap)
