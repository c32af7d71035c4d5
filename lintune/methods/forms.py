"""The two forms that a gradient for a tuned parameter takes, example by example."""

from dataclasses import dataclass

import torch

from lintune.tangents import owners


@dataclass(frozen=True)
class Outer:
    """Gradients of n examples for a matrix, as sums over tokens of outer products g_t x_t^T.

    Attributes:
        x: `(N, p)`, tokens of example after example; or `(N,)` integers, each standing for the vector
            that is one there and zero elsewhere (a row of a table was looked up).
        g: `(k, N, q)`, one slab per output.
        lengths: `(n,)` number of tokens of each example.
    """

    x: torch.Tensor
    g: torch.Tensor
    lengths: torch.Tensor


@dataclass(frozen=True)
class Vector:
    """Gradients of n examples for a vector of P parameters, written out.

    Attributes:
        v: `(n, k, P)`.
    """

    v: torch.Tensor


Form = Outer | Vector


def summed(values: torch.Tensor, lengths: torch.Tensor) -> Vector:
    """Return the sums over each example's tokens.

    Args:
        values: `(k, N, P)`, gradients token by token.
        lengths: `(n,)` number of tokens of each example.
    """
    outputs, _, size = values.shape
    sums = values.new_zeros(outputs, len(lengths), size).index_add_(1, owners(lengths), values)
    return Vector(sums.transpose(0, 1))
