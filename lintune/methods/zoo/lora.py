"""LoRA: W + (alpha / r) B A (Hu et al., 2022)."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import torch

from lintune.errors import InputError, unknown_name
from lintune.methods import draws
from lintune.methods.forms import Form, Outer
from lintune.methods.layers import constants, fresh, own_output, with_weight
from lintune.methods.low_rank import LowRank
from lintune.methods.registry import register
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap, linear_weight


@register("lora")
@dataclass(frozen=True)
class LoRA(LowRank):
    """Train low-rank factors of the change of each targeted weight.

    At the usual start, B = 0, the gradient for A vanishes and the gradient for B is the sum over tokens
    of (alpha / r) g (A x)^T. The kernel is that of the weights with every input x replaced by its random
    projection (alpha / r) A x.

    Away from the start both factors are given. The model whose passes are looked at must then compute
    with W + (alpha / r) B A, as a model does into which the adapter was merged; the gradient for A is
    the sum of (alpha / r) (B^T g) x^T.

    Attributes:
        rank: Rank r, at most the smaller side of each targeted weight.
        alpha: Scale; the change enters as alpha / r.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of A.
        down: A `(r, d_in)` by name of the layer, instead of drawn ones.
        up: B `(d_out, r)` by name of the layer; None for B = 0.
        distribution: How A is drawn, by its name in `lintune.methods.draws.DOWN`; the variance of its
            entries is 1 / (3 d_in) with each.
    """

    down: Mapping[str, torch.Tensor] | None = None
    up: Mapping[str, torch.Tensor] | None = None
    distribution: str = "uniform"

    def __post_init__(self) -> None:
        """Refuse a rank, a scale or a distribution that is none."""
        super().__post_init__()
        if self.distribution not in draws.DOWN:
            raise unknown_name("distribution", self.distribution, draws.DOWN)

    @property
    def name(self) -> str:
        """Short name, with the rank, and with the distribution of A where it is not the usual one."""
        unusual = "" if self.distribution == "uniform" else f"-{self.distribution.replace(' ', '-')}"
        return f"lora-r{self.rank}{unusual}{self.suffix}"

    def check(self, site: Site) -> None:
        """Refuse a layer smaller than the rank, and given factors that do not fit it."""
        super().check(site)
        d_out, d_in = matrix_shape(site)
        for argument, given, shape in (
            ("down", self.down, (self.rank, d_in)),
            ("up", self.up, (d_out, self.rank)),
        ):
            if given is not None and (site.name not in given or given[site.name].shape != shape):
                found = tuple(given[site.name].shape) if site.name in given else "missing"
                raise InputError(f"{argument}[{site.name!r}] is {found}; it must be {shape}.")

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        """Return the layer's A `(r, d_in)`, given or drawn."""
        if self.down is not None:
            return self.down[layer]
        return draws.DOWN[self.distribution](self.seed, layer, (self.rank, d_in))

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the gradient for B and, where B is given, for A."""
        tap = linear(tap)
        forms: list[Form] = [Outer(self.projected(tap), tap.g, tap.lengths)]
        if self.up is not None:
            b = self.up[tap.name].to(tap.g)
            forms.append(Outer(tap.x, self.scale * (tap.g @ b), tap.lengths))
        return forms

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return B `(d_out, r)`, given or 0, and A `(r, d_in)`, given or drawn."""
        values = super().start(site)
        return values if self.up is None else values | {"B": fresh(self.up[site.name], linear_weight(site))}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b + (alpha / r) (B A - B_0 A_0) x: given factors are in the model's W already."""
        b, a = self.trained(site, values)
        change = self.change(b, a, x)
        if self.up is not None:
            start = self._given(site)
            change = change - self.change(start["B"], start["A"], x)  # first: it is exactly 0 at the start
        return own_output(site, x) + change

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W + (alpha / r) (B A - B_0 A_0)."""
        b, a = self.trained(site, values)
        change = self.scale * (b @ a)
        if self.up is not None:
            start = self._given(site)
            change = change - self.scale * (start["B"] @ start["A"])
        return with_weight(site, linear_weight(site) + change)

    def _given(self, site: Site) -> dict[str, torch.Tensor]:
        with constants():
            return site.once(self, lambda: self.start(site))

    def _which(self, layer: str) -> Hashable:
        if self.down is not None:
            return id(self.down[layer])
        # Methods with the usual A share it; no other may.
        usual = super()._which(layer)
        return usual if self.distribution == "uniform" else (usual, self.distribution)
