"""SAM-PARSER: the singular values of each weight are trained (Peng et al., 2024)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from lintune.methods.forms import Form, summed
from lintune.methods.layers import constants, own_output, trained, with_weight
from lintune.methods.method import OfLinearLayers
from lintune.methods.registry import register
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap, linear_weight

# U (d_out, r), s (r,) and V (d_in, r).
Decomposition = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@register("singular-values")
@dataclass(frozen=True)
class SingularValues(OfLinearLayers):
    """Train the singular values s of W = U diag(s) V^T; U and V stay as they are.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "singular-values"
    _bases: dict[str, tuple[tuple[object, ...], Decomposition]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (U^T g) (V^T x), entry by entry."""
        tap = linear(tap)
        left, _, right = self._decomposed(tap.name, tap.weight)
        return [summed((tap.g @ left) * (tap.x @ right), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return the number of singular values."""
        return min(matrix_shape(site))

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return the singular values s `(min(d_out, d_in),)`, largest first."""
        return {"s": self._of(site)[1].clone()}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b + U diag(s - s_0) V^T x: at s = s_0 not even rounding is added."""
        (s,) = trained(site, values, {"s": (self.parameters(site),)})
        left, start, right = self._of(site)
        return own_output(site, x) + (x @ right * (s - start)) @ left.T

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W + U diag(s - s_0) V^T."""
        (s,) = trained(site, values, {"s": (self.parameters(site),)})
        left, start, right = self._of(site)
        return with_weight(site, linear_weight(site) + (left * (s - start)) @ right.T)

    def _of(self, site: Site) -> Decomposition:
        with constants():
            return site.once(self, lambda: self._decomposed(site.name, linear_weight(site)))

    def _decomposed(self, layer: str, weight: torch.Tensor) -> Decomposition:
        # Decomposing takes longer than a pass: the last weight of each layer is remembered. A weight may
        # change in place, so it is known by its numbers and not by where they lie.
        wide = weight.detach().double()
        known_by = (weight.dtype, weight.device, float(wide.sum()), float(wide.square().sum()))
        if layer not in self._bases or self._bases[layer][0] != known_by:
            single = weight.detach().to(torch.promote_types(weight.dtype, torch.float32))  # halves have none
            left, s, right = (part.to(weight) for part in torch.linalg.svd(single, full_matrices=False))
            self._bases[layer] = (known_by, (left, s, right.T.contiguous()))
        return self._bases[layer][1]
