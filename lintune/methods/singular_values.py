"""SAM-PARSER: the singular values of each weight are trained (Peng et al., 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from lintune.methods.forms import Form, summed
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap


@dataclass(frozen=True)
class SingularValues(OfLinearLayers):
    """Train the singular values s of W = U diag(s) V^T; U and V stay as they are.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "singular-values"
    _bases: dict[str, tuple[tuple[float, float], torch.Tensor, torch.Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (U^T g) (V^T x), entry by entry."""
        tap = linear(tap)
        left, right = self._decomposed(tap.name, tap.weight)
        return [summed((tap.g @ left) * (tap.x @ right), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return the number of singular values."""
        return min(matrix_shape(site))

    def _decomposed(self, layer: str, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Decomposing takes longer than a pass: the last weight of each layer is remembered. A weight may
        # change in place, so it is known by its numbers and not by where they lie.
        wide = weight.detach().double()
        known_by = (float(wide.sum()), float(wide.square().sum()))
        if layer not in self._bases or self._bases[layer][0] != known_by:
            left, _, right = torch.linalg.svd(weight.detach(), full_matrices=False)
            self._bases[layer] = (known_by, left, right.T.contiguous())
        return self._bases[layer][1:]
