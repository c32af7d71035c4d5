"""Full fine-tuning: the whole weight of each layer is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lintune.tangents import Tap


@dataclass(frozen=True)
class Full:
    """Train the weights of the targeted layers themselves (their biases stay frozen).

    The gradient of an output for W is the sum over tokens of g x^T, so the factors are x and g as captured.

    Attributes:
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "full"

    def factors(self, tap: Tap) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the captured `(N, d_in)` inputs and `(k, N, d_out)` output gradients."""
        return tap.x, tap.g

    def parameters(self, weight: torch.Tensor) -> int:
        """Return the number of entries of the weight."""
        return weight.numel()
