"""VeRA: random factors shared by all layers, scaled by trained vectors (Kopiczko et al., 2024)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lintune.errors import InputError
from lintune.methods import draws
from lintune.methods.forms import Form, summed
from lintune.methods.layers import constants, fresh, own_output, trained, with_weight
from lintune.methods.method import OfLinearLayers
from lintune.methods.registry import register
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap, linear_weight


@register("vera")
@dataclass(frozen=True)
class VeRA(OfLinearLayers):
    """Train W + diag(b) B diag(d) A with frozen random B and A, at b = 0 and d constant.

    At first only b has a gradient. B and A are uniform with the bounds sqrt(6 / r) and sqrt(6 / d_in), as in
    huggingface peft, and drawn from the seed alone: those of a layer are the leading rows of one long B
    and the leading columns of one long A, up to A's scale.

    Attributes:
        rank: Rank r; it may exceed the sides of the weights.
        scale: The value of d at the start.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of B and A.
    """

    rank: int = 256
    scale: float = 0.1
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a rank or a scale that is none."""
        if self.rank < 1:
            raise InputError(f"rank={self.rank} must be at least 1.")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"scale={self.scale} must be positive and finite.")

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"vera-r{self.rank}"

    def factors(self, d_out: int, d_in: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return B `(d_out, r)` and A `(r, d_in)`, float32 on the CPU, for layers of one shape."""
        b = draws.uniform(self.seed, "vera B", (d_out, self.rank), self.rank)
        a = draws.uniform(self.seed, "vera A", (d_in, self.rank), d_in).T
        return math.sqrt(6) * b, math.sqrt(6) * a

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g (B diag(d) A x), entry by entry."""
        tap = linear(tap)
        b, a = (factor.to(tap.x) for factor in self.factors(*tap.weight.shape))
        return [summed(tap.g * (self.scale * (tap.x @ a.T @ b.T)), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return d_out + r."""
        return matrix_shape(site)[0] + self.rank

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return b = 0 `(d_out,)` and the constant d `(r,)`."""
        weight = linear_weight(site)
        return {"b": weight.new_zeros(len(weight)), "d": weight.new_full((self.rank,), self.scale)}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + bias + b (B (d (A x)))."""
        left, right, b, a = self._all(site, values)
        return own_output(site, x) + left * ((right * (x @ a.T)) @ b.T)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W + diag(b) B diag(d) A."""
        left, right, b, a = self._all(site, values)
        return with_weight(site, linear_weight(site) + left[:, None] * ((b * right) @ a))

    def _all(self, site: Site, values: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return the trained b and d, and the frozen B and A."""
        weight = linear_weight(site)
        moving = trained(site, values, {"b": (len(weight),), "d": (self.rank,)})
        with constants():
            still = site.once(self, lambda: [fresh(factor, weight) for factor in self.factors(*weight.shape)])
        return [*moving, *still]
