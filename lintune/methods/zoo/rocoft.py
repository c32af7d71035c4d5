"""RoCoFT: a few rows, or a few columns, of each weight are trained (Kowsher et al., 2024)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from lintune.errors import InputError
from lintune.methods import draws
from lintune.methods.forms import Form, Outer
from lintune.methods.layers import constants, fresh, own_output, trained, with_weight
from lintune.methods.method import OfLinearLayers
from lintune.methods.registry import register
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap, linear_weight

Rule = Literal["first", "last", "even", "random", "largest", "smallest"]
_RULES = ("first", "last", "even", "random", "largest", "smallest")


@dataclass(frozen=True)
class _Some(OfLinearLayers):
    """A number of rows or columns of each targeted weight.

    Attributes:
        count: How many.
        rule: Which: the first, the last, evenly spaced, drawn from the seed and the layer's name, those
            of largest or smallest Euclidean norm; or, for any other rule, indices by name of the layer.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of the random rule.
    """

    count: int = 3
    rule: Rule | Mapping[str, Sequence[int]] = "first"
    targets: Sequence[str] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an unknown rule and a count that is none."""
        draws.check_choice(self.count, self.rule, _RULES)

    def indices(self, layer: str, weight: torch.Tensor) -> torch.Tensor:
        """Return the chosen rows of a matrix `(size, other)`, `(count,)`, ascending.

        Raises:
            InputError: More are asked for than there are; or given indices that are missing for the
                layer, out of range, repeated, or not `count` of them.
        """
        size = len(weight)
        if self.count > size:
            raise InputError(f"count={self.count} exceeds the {size} there are in {layer!r}.")
        if not isinstance(self.rule, str):
            return draws.given(self.rule, layer, self.count, size)
        if self.rule == "random":
            return draws.subset(self.seed, layer, self.count, size)
        if self.rule in ("largest", "smallest"):
            norms = weight.detach().double().norm(dim=1)  # ties and order as in the weight that is stored
            return norms.topk(self.count, largest=self.rule == "largest").indices.sort().values.cpu()
        if self.rule == "even":
            return (torch.arange(self.count) * size) // self.count
        return torch.arange(self.count) + (0 if self.rule == "first" else size - self.count)

    @staticmethod
    def oriented(weight: torch.Tensor) -> torch.Tensor:
        """Return a weight `(d_out, d_in)` such that what is chosen among is its rows."""
        raise NotImplementedError

    def check(self, site: Site) -> None:
        """Refuse a layer in which there are no such rows or columns."""
        self.indices(site.name, self.oriented(linear_weight(site)))

    def _which(self, site: Site) -> torch.Tensor:
        def chosen() -> torch.Tensor:
            weight = self.oriented(linear_weight(site))
            return self.indices(site.name, weight).to(weight.device)

        with constants():
            return site.once(self, chosen)


@register("rows")
@dataclass(frozen=True)
class Rows(_Some):
    """Train `count` rows of each targeted weight: all that leads to `count` outputs."""

    @property
    def name(self) -> str:
        """Short name, with the count and the rule."""
        return _name("rows", self)

    @staticmethod
    def oriented(weight: torch.Tensor) -> torch.Tensor:
        """Return the weight."""
        return weight

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g x^T with g restricted to the rows."""
        tap = linear(tap)
        return [Outer(tap.x, tap.g[..., self.indices(tap.name, tap.weight)], tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return count d_in."""
        return self.count * matrix_shape(site)[1]

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return the rows of the weight `(count, d_in)`."""
        weight = linear_weight(site)
        return {"rows": fresh(weight[self._which(site)], weight)}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b with the rows in their places in W."""
        (rows,) = trained(site, values, {"rows": (self.count, matrix_shape(site)[1])})
        where = self._which(site)
        change = functional.linear(x, rows - linear_weight(site)[where])
        return own_output(site, x).index_add(-1, where, change)

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W with the rows in their places."""
        (rows,) = trained(site, values, {"rows": (self.count, matrix_shape(site)[1])})
        return with_weight(site, linear_weight(site).index_copy(0, self._which(site), rows))


@register("columns")
@dataclass(frozen=True)
class Columns(_Some):
    """Train `count` columns of each targeted weight: all that comes from `count` inputs."""

    @property
    def name(self) -> str:
        """Short name, with the count and the rule."""
        return _name("columns", self)

    @staticmethod
    def oriented(weight: torch.Tensor) -> torch.Tensor:
        """Return the weight transposed."""
        return weight.T

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g x^T with x restricted to the columns."""
        tap = linear(tap)
        return [Outer(tap.x[:, self.indices(tap.name, tap.weight.T)], tap.g, tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return count d_out."""
        return self.count * matrix_shape(site)[0]

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return the columns of the weight `(d_out, count)`."""
        weight = linear_weight(site)
        return {"columns": fresh(weight[:, self._which(site)], weight)}

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return W x + b with the columns in their places in W."""
        (columns,) = trained(site, values, {"columns": (matrix_shape(site)[0], self.count)})
        where = self._which(site)
        # As `(count, d_out)`: against a tall thin matrix the products of the backward pass take four times
        # as long.
        change = (columns - linear_weight(site).index_select(1, where)).T.contiguous()
        return own_output(site, x) + x.index_select(-1, where) @ change

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return W with the columns in their places."""
        (columns,) = trained(site, values, {"columns": (matrix_shape(site)[0], self.count)})
        return with_weight(site, linear_weight(site).index_copy(1, self._which(site), columns))


def _name(kind: str, some: _Some) -> str:
    return f"{kind}-{some.count}-{some.rule if isinstance(some.rule, str) else 'given'}"
