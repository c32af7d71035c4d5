"""The parallel adapter: a small two-layer network beside each weight (He et al., 2022)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lintune.methods import draws
from lintune.methods.forms import Form, Outer
from lintune.methods.lora import LoRA
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import check_rank, linear
from lintune.tangents import Site, Tap


@dataclass(frozen=True)
class ParallelAdapter(OfLinearLayers):
    """Train y = W x + (alpha / r) B relu(A x) at B = 0: LoRA with a non-linearity between its factors.

    Attributes:
        rank: Width r of the adapter.
        alpha: Scale; the adapter enters as alpha / r.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of A, drawn as LoRA's.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what LoRA refuses."""
        draws.check_scale(self.rank, self.alpha)

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"parallel-adapter-r{self.rank}"

    def check(self, site: Site) -> None:
        """Refuse a layer smaller than the rank."""
        check_rank(self.rank, site)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of (alpha / r) g relu(A x)^T."""
        tap = linear(tap)
        return [Outer(torch.relu(self._lora().projected(tap)), tap.g, tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out): both layers are trained, though only B moves at first."""
        return self._lora().parameters(site)

    def _lora(self) -> LoRA:
        return LoRA(self.rank, self.alpha, self.targets, self.seed)
