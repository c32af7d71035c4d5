"""The parallel adapter: a small two-layer network beside each weight (He et al., 2022)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from lintune.errors import InputError
from lintune.methods.forms import Form, Outer
from lintune.methods.layers import own_output
from lintune.methods.low_rank import LowRank
from lintune.methods.registry import register
from lintune.methods.shapes import linear
from lintune.tangents import Site, Tap


@register("parallel-adapter")
@dataclass(frozen=True)
class ParallelAdapter(LowRank):
    """Train y = W x + (alpha / r) B relu(A x) at B = 0: LoRA with a non-linearity between its factors."""

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"parallel-adapter-r{self.rank}{self.suffix}"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (alpha / r) g relu(A x)^T."""
        tap = linear(tap)
        return [Outer(torch.relu(self.projected(tap)), tap.g, tap.lengths)]

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b + (alpha / r) B relu(A x)."""
        b, a = self.trained(site, values)
        return own_output(site, x) + self.scale * (torch.relu(x @ a.T) @ b.T)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Refuse: with the non-linearity the layer is no longer a linear one.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"method={self.name!r} computes W x + B relu(A x) at {site.name!r}, which no weight does: "
            "save the adapter instead of merging it."
        )
