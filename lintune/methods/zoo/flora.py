"""FLoRA and TriLoRA: a middle factor between two random ones, zero at first (Si et al., 2024)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from lintune.methods import draws
from lintune.methods.forms import Form, Outer, summed
from lintune.methods.layers import fresh, own_output, with_weight
from lintune.methods.low_rank import LowRank
from lintune.methods.registry import register
from lintune.methods.shapes import linear
from lintune.tangents import LinearTap, Site, Tap, linear_weight


@dataclass(frozen=True)
class _Middle(LowRank):
    """W + (alpha / r) B M A with M = 0: at first only M has a gradient.

    B is uniform on (-1/sqrt(d_out), 1/sqrt(d_out)). All three factors are trained.
    """

    @property
    def middle(self) -> tuple[int, ...]:
        """The shape of M."""
        raise NotImplementedError

    def b(self, layer: str, d_out: int) -> torch.Tensor:
        """Return the layer's B `(d_out, r)`, float32 on the CPU."""
        return draws.uniform(self.seed, f"{layer} up", (d_out, self.rank), d_out)

    def pulled_through(self, tap: LinearTap) -> torch.Tensor:
        """Return B^T g, `(k, N, r)`."""

        def compute() -> torch.Tensor:
            return tap.g @ self.b(tap.name, tap.g.shape[-1]).to(tap.g)

        return tap.once(("B^T g", self._which(tap.name)), compute)

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return M = 0 and the drawn B `(d_out, r)` and A `(r, d_in)`."""
        weight = linear_weight(site)
        b = fresh(self.b(site.name, len(weight)), weight)
        return {"M": weight.new_zeros(self.middle), **super().start(site), "B": b}


@register("flora")
@dataclass(frozen=True)
class FLoRA(_Middle):
    """Train W + (alpha / r) B M A with a square M, zero at first."""

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"flora-r{self.rank}{self.suffix}"

    @property
    def middle(self) -> tuple[int, ...]:
        """M is `(r, r)`."""
        return (self.rank, self.rank)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (B^T g) (A x)^T."""
        tap = linear(tap)
        return [Outer(self.projected(tap), self.pulled_through(tap), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + r^2."""
        return super().parameters(site) + self.rank**2

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b + (alpha / r) B M A x."""
        b, a, m = self.trained(site, values, M=self.middle)
        return own_output(site, x) + self.scale * (x @ a.T @ m.T @ b.T)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W + (alpha / r) B M A."""
        b, a, m = self.trained(site, values, M=self.middle)
        return with_weight(site, linear_weight(site) + self.scale * (b @ m @ a))


@register("trilora")
@dataclass(frozen=True)
class TriLoRA(_Middle):
    """Train W + (alpha / r) B D A with a diagonal D, zero at first."""

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"trilora-r{self.rank}{self.suffix}"

    @property
    def middle(self) -> tuple[int, ...]:
        """The diagonal is `(r,)`."""
        return (self.rank,)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (B^T g) (A x), entry by entry."""
        tap = linear(tap)
        return [summed(self.pulled_through(tap) * self.projected(tap), tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + r."""
        return super().parameters(site) + self.rank

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b + (alpha / r) B diag(M) A x."""
        b, a, m = self.trained(site, values, M=self.middle)
        return own_output(site, x) + self.scale * (x @ a.T * m @ b.T)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W + (alpha / r) B diag(M) A."""
        b, a, m = self.trained(site, values, M=self.middle)
        return with_weight(site, linear_weight(site) + self.scale * ((b * m) @ a))
