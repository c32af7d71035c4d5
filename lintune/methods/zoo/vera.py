"""VeRA: random factors shared by all layers, scaled by trained vectors (Kopiczko et al., 2024)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    _drawn: dict[tuple[object, ...], torch.Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

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

    def factors(self, d_out: int, d_in: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return B `(d_out, r)` and A `(r, d_in)` of layers of one shape, but for the bound of A.

        A's entries are uniform on (-1, 1): what `a_bound` returns is left to the caller, so that layers of
        all shapes look at the same numbers in memory.

        Args:
            d_out: Output size.
            d_in: Input size.
            like: What dtype and device they are of.
        """
        b = self._long("vera B", d_out, math.sqrt(6 / self.rank), like)
        return b, self._long("vera A", d_in, 1.0, like).T

    @staticmethod
    def a_bound(d_in: int) -> float:
        """Return the bound of A's entries, sqrt(6 / d_in)."""
        return math.sqrt(6 / d_in)

    def _long(self, which: str, size: int, bound: float, like: torch.Tensor) -> torch.Tensor:
        """Return the leading rows of a long factor, `(size, r)`: views of one tensor."""
        key = (which, like.dtype, like.device)
        if key not in self._drawn or len(self._drawn[key]) < size:
            drawn = bound * draws.uniform(self.seed, which, (size, self.rank), 1)
            self._drawn[key] = fresh(drawn, like)
        return self._drawn[key][:size]

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g (B diag(d) A x), entry by entry."""
        tap = linear(tap)
        d_out, d_in = tap.weight.shape
        b, a = self.factors(d_out, d_in, tap.x)
        scale = self.scale * self.a_bound(d_in)
        return [summed(tap.g * (scale * (tap.x @ a.T @ b.T)), tap.lengths)]

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
        """Return the trained b, the trained d times the bound of A, and the frozen B and A."""
        d_out, d_in = matrix_shape(site)
        left, right = trained(site, values, {"b": (d_out,), "d": (self.rank,)})
        with constants():
            b, a = site.once(self, lambda: self.factors(d_out, d_in, linear_weight(site)))
        return [left, self.a_bound(d_in) * right, b, a]
