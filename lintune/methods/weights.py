"""Tuning weight matrices alone: the attention and MLP weights, without biases, norms and embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

from lintune.methods.forms import Form
from lintune.methods.full import weight_gradients
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import matrix_shape
from lintune.tangents import Site, Tap


@dataclass(frozen=True)
class Weights(OfLinearLayers):
    """Train the weight matrices of linear layers inside the blocks; everything else stays frozen.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "weights"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g x^T, with x and g as captured."""
        return weight_gradients(tap)

    def parameters(self, site: Site) -> int:
        """Return the number of entries of the weight."""
        d_out, d_in = matrix_shape(site)
        return d_out * d_in
