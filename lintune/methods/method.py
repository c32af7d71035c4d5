"""What a fine-tuning method says of itself so that its tangent kernel can be computed."""

from collections.abc import Sequence
from typing import Protocol

import torch

from lintune.tangents import Tap


class Method(Protocol):
    """A way to fine-tune linear layers, at its starting point.

    A method trains some weights of each targeted layer. The gradient of an output for them, at the
    pretrained function, is a sum over tokens of outer products of two vectors; `factors` gives these,
    and everything else about the kernel follows.

    """

    @property
    def name(self) -> str:
        """Short name, used in tables and files."""
        ...

    @property
    def targets(self) -> Sequence[str] | None:
        """Shell-style patterns of layer names; None for every linear layer in the blocks."""
        ...

    def factors(self, tap: Tap) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `(N, p)` and `(k, N, q)` whose token-wise outer products sum to the gradients `(q, p)`."""
        ...

    def parameters(self, weight: torch.Tensor) -> int:
        """Return how many numbers are trained for a layer with weight `(d_out, d_in)`."""
        ...
