"""The form of AdaLoRA: a diagonal between factors that are drawn towards orthonormal ones."""

from collections.abc import Hashable
from dataclasses import dataclass

import torch

from lintune.methods import draws
from lintune.methods.patterns import Pattern
from lintune.methods.registry import register
from lintune.methods.zoo.flora import TriLoRA


@register("adalora")
@dataclass(frozen=True)
class AdaLoRA(TriLoRA):
    """Train W + (alpha / r) B D A as AdaLoRA does at its full budget (Zhang et al., 2023).

    It is TriLoRA with factors of normal entries of standard deviation 0.02, as in huggingface peft, and
    with MPC_o built in. What AdaLoRA does besides, to prune entries of D while training goes on, is left
    out: the rank stays. Its authors' penalty is the Frobenius norm, here it is its square.
    """

    mpc: Pattern | None = "o"

    @property
    def name(self) -> str:
        """Short name, with the rank, and with the pattern where it is not the usual one."""
        return f"adalora-r{self.rank}{'' if self.mpc == 'o' else self.suffix or '-free'}"

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        """Return the layer's A `(r, d_in)`, float32 on the CPU."""
        return 0.02 * draws.gaussian(self.seed, layer, (self.rank, d_in))

    def b(self, layer: str, d_out: int) -> torch.Tensor:
        """Return the layer's B `(d_out, r)`, float32 on the CPU."""
        return 0.02 * draws.gaussian(self.seed, f"{layer} up", (d_out, self.rank))

    def _which(self, layer: str) -> Hashable:
        return ("adalora", self.seed, self.rank)
