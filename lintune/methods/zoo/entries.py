"""Sparse tuning: some entries of each weight are trained, chosen one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from lintune.errors import InputError
from lintune.methods import draws
from lintune.methods.forms import Form, summed
from lintune.methods.layers import constants, fresh, trained, with_weight
from lintune.methods.method import OfLinearLayers
from lintune.methods.registry import register
from lintune.methods.shapes import linear
from lintune.tangents import Site, Tap, linear_weight

Rule = Literal["random", "largest", "smallest"]
_RULES = ("random", "largest", "smallest")


@register("entries")
@dataclass(frozen=True)
class Entries(OfLinearLayers):
    """Train single entries of each targeted weight: the mask that rows and columns are held against.

    Attributes:
        count: How many of each weight.
        rule: Which: drawn from the seed and the layer's name, or those of largest or smallest modulus; or,
            for any other rule, places in the flattened `(d_out, d_in)` weight by name of the layer.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of the random rule.
    """

    count: int = 100
    rule: Rule | Mapping[str, Sequence[int]] = "random"
    targets: Sequence[str] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an unknown rule and a count that is none."""
        draws.check_choice(self.count, self.rule, _RULES)

    @property
    def name(self) -> str:
        """Short name, with the count and the rule."""
        return f"entries-{self.count}-{self.rule if isinstance(self.rule, str) else 'given'}"

    def check(self, site: Site) -> None:
        """Refuse a weight that has no such entries."""
        self.places(site.name, linear_weight(site))

    def places(self, layer: str, weight: torch.Tensor) -> torch.Tensor:
        """Return which entries of the flattened weight `(d_out, d_in)` are trained, `(count,)`, ascending.

        Raises:
            InputError: More are asked for than there are; or given places that are missing for the layer,
                out of range, repeated, or not `count` of them.
        """
        if self.count > weight.numel():
            raise InputError(f"count={self.count} exceeds the {weight.numel()} entries of {layer!r}.")
        if not isinstance(self.rule, str):
            return draws.given(self.rule, layer, self.count, weight.numel())
        if self.rule == "random":
            return draws.subset(self.seed, layer, self.count, weight.numel())
        sizes = weight.detach().abs().flatten()
        return sizes.topk(self.count, largest=self.rule == "largest").indices.sort().values.cpu()

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g_i x_j over the trained entries (i, j)."""
        tap = linear(tap)
        row, column = self._split(self.places(tap.name, tap.weight).to(tap.x.device), tap.weight)
        return [summed(tap.g[..., row] * tap.x[:, column], tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return the count."""
        return self.count

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return the entries of the weight `(count,)`."""
        weight = linear_weight(site)
        return {"entries": fresh(weight[self._where(site)], weight)}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b with the entries in their places in a copy of W: single entries save no memory."""
        (entries,) = trained(site, values, {"entries": (self.count,)})
        weight = linear_weight(site).detach().index_put(self._where(site), entries)
        return functional.linear(x, weight, site.parameters.get("bias"))

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W with the entries in their places."""
        (entries,) = trained(site, values, {"entries": (self.count,)})
        return with_weight(site, linear_weight(site).index_put(self._where(site), entries))

    def _where(self, site: Site) -> tuple[torch.Tensor, torch.Tensor]:
        def chosen() -> tuple[torch.Tensor, torch.Tensor]:
            weight = linear_weight(site)
            return self._split(self.places(site.name, weight).to(weight.device), weight)

        with constants():
            return site.once(self, chosen)

    @staticmethod
    def _split(places: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return rows and columns of places in the flattened weight."""
        d_in = weight.shape[1]
        return places // d_in, places % d_in
