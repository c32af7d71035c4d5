"""A kernel as the sum of its blocks, one per tuned weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from lintune.errors import InputError


@dataclass(frozen=True)
class BlockKernel:
    """Tangent kernel between n row and m column examples, kept apart by layer.

    Attributes:
        layers: Qualified names of the L layers, from the input to the output.
        blocks: `(L, n, k, m, k)` float64; entry [l, i, c, j, c'] is the inner product of the gradients
            of output c of example i and output c' of example j for the weights of layer l. The k
            outputs are the C logits, or combinations of them such as the C - 1 contrasts.
    """

    layers: tuple[str, ...]
    blocks: np.ndarray

    def __post_init__(self) -> None:
        """Refuse blocks whose shape does not fit the layers."""
        shape = self.blocks.shape
        if len(shape) != 5 or shape[0] != len(self.layers) or shape[2] != shape[4]:
            raise InputError(
                f"blocks of shape {shape} must be (L, n, k, m, k) with L={len(self.layers)} layers."
            )

    def total(self) -> np.ndarray:
        """Return the kernel itself, the sum of the blocks: `(n, k, m, k)`."""
        return np.asarray(self.blocks.sum(axis=0))

    def select(self, pattern: str) -> "BlockKernel":
        """Return the kernel of tuning only the layers that match a shell-style pattern.

        Raises:
            InputError: No layer matches.
        """
        chosen = [place for place, name in enumerate(self.layers) if fnmatchcase(name, pattern)]
        if not chosen:
            raise InputError(f"layers={pattern!r} matches none of the kernel's {len(self.layers)} layers.")
        return BlockKernel(tuple(self.layers[place] for place in chosen), self.blocks[chosen])

    def between(self, rows: Sequence[int] | np.ndarray, columns: Sequence[int] | np.ndarray) -> "BlockKernel":
        """Return the kernel between some of the row examples and some of the column examples."""
        return BlockKernel(self.layers, self.blocks[:, rows][:, :, :, columns])


def flat(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel `(n, k, m, k)` as a matrix `(n k, m k)`, outputs of an example side by side."""
    n, outputs, m, _ = kernel.shape
    return kernel.reshape(n * outputs, m * outputs)
