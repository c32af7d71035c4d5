"""FLoRA and TriLoRA: a middle factor between two random ones, zero at first (Si et al., 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lintune.methods import draws
from lintune.methods.forms import Form, Outer, summed
from lintune.methods.lora import LoRA
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import check_rank, linear, matrix_shape
from lintune.tangents import LinearTap, Site, Tap


@dataclass(frozen=True)
class _Middle(OfLinearLayers):
    """W + (alpha / r) B M A with M = 0: at first only M has a gradient.

    A is LoRA's; B is uniform on (-1/sqrt(d_out), 1/sqrt(d_out)). All three factors are trained.

    Attributes:
        rank: Rank r, at most the smaller side of each targeted weight.
        alpha: Scale; the change enters as alpha / r.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of A and B.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a rank or scale that is no rank or scale."""
        draws.check_scale(self.rank, self.alpha)

    def check(self, site: Site) -> None:
        """Refuse a layer smaller than the rank."""
        check_rank(self.rank, site)

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        """Return the layer's A `(r, d_in)`, float32 on the CPU."""
        return LoRA(self.rank, self.alpha, self.targets, self.seed).a(layer, d_in)

    def b(self, layer: str, d_out: int) -> torch.Tensor:
        """Return the layer's B `(d_out, r)`, float32 on the CPU."""
        return draws.uniform(self.seed, f"{layer} up", (d_out, self.rank), d_out)

    def projected(self, tap: LinearTap) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (alpha / r) A x `(N, r)` and B^T g `(k, N, r)`."""
        b = self.b(tap.name, tap.g.shape[-1]).to(tap.g)
        gradients = tap.once(("B^T g", self.seed, self.rank), lambda: tap.g @ b)
        return LoRA(self.rank, self.alpha, self.targets, self.seed).projected(tap), gradients


@dataclass(frozen=True)
class FLoRA(_Middle):
    """Train W + (alpha / r) B M A with a square M."""

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"flora-r{self.rank}"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (B^T g) (A x)^T."""
        tap = linear(tap)
        return [Outer(*self.projected(tap), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + r^2."""
        return self.rank * (sum(matrix_shape(site)) + self.rank)


@dataclass(frozen=True)
class TriLoRA(_Middle):
    """Train W + (alpha / r) B D A with a diagonal D."""

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"trilora-r{self.rank}"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (B^T g) (A x), entry by entry."""
        tap = linear(tap)
        inputs, gradients = self.projected(tap)
        return [summed(gradients * inputs, tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + r."""
        return self.rank * (sum(matrix_shape(site)) + 1)
