"""What methods with low-rank factors have in common: a random A that the inputs pass first."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch

from lintune.errors import InputError
from lintune.methods import draws, patterns
from lintune.methods.layers import fresh, trained
from lintune.methods.method import OfLinearLayers
from lintune.methods.patterns import PATTERNS, Pattern
from lintune.methods.shapes import matrix_shape
from lintune.tangents import LinearTap, Site, linear_weight


@dataclass(frozen=True)
class LowRank(OfLinearLayers):
    """A change of each targeted layer that enters as alpha / r, with A `(r, d_in)` on its way.

    A is drawn as huggingface peft draws it, uniform on (-1/sqrt(d_in), 1/sqrt(d_in)), from the seed and
    the layer's name, so that a layer's A does not depend on which other layers are targeted; all methods
    draw the same.

    Attributes:
        rank: Rank r, at most the smaller side of each targeted weight.
        alpha: Scale; the change enters as alpha / r.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of A.
        mpc: Matrix pattern constraint that training adds to the loss: `o`, both factors orthonormal, or
            `d`, A orthonormal and B orthogonal; None for none. Their `n` is the parallel adapter.
        mpc_weight: The weight of its penalty, summed over the layers; the paper prints none.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0
    mpc: Pattern | None = None
    mpc_weight: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a rank or a scale that is none."""
        if self.rank < 1:
            raise InputError(f"rank={self.rank} must be at least 1.")
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise InputError(f"alpha={self.alpha} must be positive and finite.")
        if self.mpc is not None and self.mpc not in PATTERNS:
            raise InputError(
                f"mpc={self.mpc!r} must be 'o' or 'd', or None; their 'n' is the method 'parallel-adapter'."
            )
        if not (math.isfinite(self.mpc_weight) and self.mpc_weight >= 0):
            raise InputError(f"mpc_weight={self.mpc_weight} must be at least 0 and finite.")

    @property
    def penalised(self) -> bool:
        """Whether a pattern is asked for."""
        return self.mpc is not None and self.mpc_weight > 0

    def penalty(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the weight times the pattern's penalty on the factors of one layer."""
        if self.mpc is None:
            return values["A"].new_zeros(())
        return self.mpc_weight * patterns.penalty(self.mpc, values["B"], values["A"])

    @property
    def suffix(self) -> str:
        """What the pattern adds to the method's name."""
        return "" if self.mpc is None else f"-mpc-{self.mpc}"

    @property
    def scale(self) -> float:
        """The factor alpha / r."""
        return self.alpha / self.rank

    def check(self, site: Site) -> None:
        """Refuse a layer smaller than the rank."""
        if self.rank > min(matrix_shape(site)):
            raise InputError(
                f"rank={self.rank} exceeds the smaller side of {site.name!r}, {matrix_shape(site)}."
            )

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        """Return the layer's A `(r, d_in)`; drawn ones are float32 on the CPU.

        Args:
            layer: Qualified name of the layer.
            d_in: Input size of the layer.
        """
        return draws.uniform(self.seed, layer, (self.rank, d_in), d_in)

    def projected(self, tap: LinearTap) -> torch.Tensor:
        """Return (alpha / r) A x, `(N, r)`; the same tensor for methods with the same A and scale."""

        def compute() -> torch.Tensor:
            return self.scale * (tap.x @ self.a(tap.name, tap.x.shape[1]).to(tap.x).T)

        return tap.once(("A x", self._which(tap.name), self.scale), compute)

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out): the factors are all trained, though not all move at first."""
        return self.rank * sum(matrix_shape(site))

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return B = 0 `(d_out, r)` and A `(r, d_in)`."""
        weight = linear_weight(site)
        d_out, d_in = weight.shape
        return {"B": weight.new_zeros(d_out, self.rank), "A": fresh(self.a(site.name, d_in), weight)}

    def trained(
        self, site: Site, values: Mapping[str, torch.Tensor], **others: tuple[int, ...]
    ) -> list[torch.Tensor]:
        """Return B, A and, by their shapes, what else is trained at a site.

        Raises:
            InputError: The values are not those.
        """
        d_out, d_in = matrix_shape(site)
        return trained(site, values, {"B": (d_out, self.rank), "A": (self.rank, d_in), **others})

    def change(self, b: torch.Tensor, a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return (alpha / r) B A x `(..., d_out)` for inputs `(..., d_in)`."""
        return self.scale * (x @ a.T @ b.T)

    def _which(self, layer: str) -> Hashable:
        """Return what tells the layer's A from another."""
        return (self.seed, self.rank)
