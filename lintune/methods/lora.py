"""LoRA at its usual start: W + (alpha / r) B A with B = 0 (Hu et al., 2022)."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lintune.errors import InputError
from lintune.tangents import Tap


@dataclass(frozen=True)
class LoRA:
    """Train low-rank factors of the change of each targeted weight.

    At B = 0 the gradient for A vanishes and the gradient for B is the sum over tokens of
    (alpha / r) g (A x)^T. The kernel is that of full fine-tuning with every input x replaced by its
    random projection (alpha / r) A x.

    A is drawn as huggingface peft draws it, uniform on (-1/sqrt(d_in), 1/sqrt(d_in)), from the seed and
    the layer's name, so that a layer's A does not depend on which other layers are targeted.

    Attributes:
        rank: Rank r, at most the smaller side of each targeted weight.
        alpha: Scale; the update enters as alpha / r.
        targets: Shell-style patterns of layer names.
        seed: Seed of A.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a rank or scale that is no rank or scale."""
        if self.rank < 1:
            raise InputError(f"rank={self.rank} must be at least 1.")
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise InputError(f"alpha={self.alpha} must be positive and finite.")

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"lora-r{self.rank}"

    def down(self, layer: str, d_in: int) -> torch.Tensor:
        """Return the layer's A `(r, d_in)`, float32 on the CPU.

        Args:
            layer: Qualified name of the layer.
            d_in: Input size of the layer.
        """
        digest = hashlib.sha256(f"{self.seed} {layer}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        return (2 * torch.rand(self.rank, d_in, generator=generator) - 1) / math.sqrt(d_in)

    def factors(self, tap: Tap) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `(N, r)` projected inputs and `(k, N, d_out)` output gradients.

        Raises:
            InputError: The rank exceeds the smaller side of the weight.
        """
        if self.rank > min(tap.weight.shape):
            raise InputError(
                f"rank={self.rank} exceeds the smaller side of {tap.name!r}, {tuple(tap.weight.shape)}."
            )
        down = self.down(tap.name, tap.x.shape[1]).to(tap.x)
        return (self.alpha / self.rank) * (tap.x @ down.T), tap.g

    def parameters(self, weight: torch.Tensor) -> int:
        """Return r (d_in + d_out): both factors are trained, though only B moves at first."""
        return self.rank * sum(weight.shape)
