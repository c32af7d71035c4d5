"""DoRA: magnitude and direction of each row of the weight are trained apart (Liu et al., 2024)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from lintune.methods.forms import Form, Outer, summed
from lintune.methods.layers import products, with_bias, with_weight
from lintune.methods.low_rank import LowRank
from lintune.methods.registry import register
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap, linear_weight


@register("dora")
@dataclass(frozen=True)
class DoRA(LowRank):
    """Train W = m V / ||V|| with V = W_0 + (alpha / r) B A, row by row, at B = 0 and m = ||W_0||.

    As in huggingface peft, and as its authors propose, the norm ||V|| counts as a constant when gradients
    are taken: the gradient for B is then LoRA's, and that for m_i is the sum over tokens of
    g_i (W_0 x)_i / ||w_i||.

    Attributes:
        held: Values whose true derivative has a part, that of the norm, which is left out.
    """

    held: ClassVar[tuple[str, ...]] = ("B", "A")

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"dora-r{self.rank}{self.suffix}"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the gradients for B and for the magnitudes."""
        tap = linear(tap)
        directions = tap.products() / tap.weight.norm(dim=1)
        return [Outer(self.projected(tap), tap.g, tap.lengths), summed(tap.g * directions, tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + d_out."""
        return super().parameters(site) + matrix_shape(site)[0]

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return B = 0 `(d_out, r)`, A `(r, d_in)` and the magnitudes m `(d_out,)`."""
        return super().start(site) | {"m": linear_weight(site).detach().norm(dim=1)}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return m V x / ||V|| + b; no derivative is taken of ||V||."""
        b, a, m = self.trained(site, values, m=(matrix_shape(site)[0],))
        direction = linear_weight(site).detach() + self.scale * (b.detach() @ a.detach())
        outputs = products(site, x) + self.change(b, a, x)
        return with_bias(site, outputs * (m / direction.norm(dim=1)))

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return m V / ||V||."""
        b, a, m = self.trained(site, values, m=(matrix_shape(site)[0],))
        direction = linear_weight(site) + self.scale * (b @ a)
        return with_weight(site, direction * (m / direction.norm(dim=1))[:, None])
