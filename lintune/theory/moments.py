"""Moments of the products G_i^T G_j of gradients for a weight, on which the error of a projection rests.

A random A in R^(r x d) replaces <G_i, G_j> = tr M, with M = G_i^T G_j, by a quadratic form in each row of A.
Mean and variance of such a form need four numbers of M, and these need inner products of tokens alone.
"""

from dataclasses import dataclass

import numpy as np
import torch

from lintune.errors import InputError
from lintune.tangents import owners


@dataclass(frozen=True)
class Moments:
    """Four numbers of M = G_i^T G_j `(d, d)` for each two of N gradients.

    Attributes:
        width: d, the number of columns of a gradient.
        trace: `(N, N)` float64 tr M = <G_i, G_j>, the kernel.
        square: `(N, N)` ||M||_F^2.
        transposed: `(N, N)` <M, M^T> = tr M^2.
        diagonal: `(N, N)` sum over m of M_mm^2.
    """

    width: int
    trace: np.ndarray
    square: np.ndarray
    transposed: np.ndarray
    diagonal: np.ndarray


def gradient_moments(gradients: np.ndarray) -> Moments:
    """Return the moments from gradients that are written out, N^2 products of d_out d^2 operations each.

    Args:
        gradients: `(N, d_out, d)`.

    Raises:
        InputError: They have another number of dimensions.
    """
    given = np.asarray(gradients, dtype=float)
    if given.ndim != 3:
        raise InputError(f"gradients of shape {given.shape} must be (N, d_out, d).")
    found = np.array([[_of(left.T @ right) for right in given] for left in given])
    return Moments(given.shape[2], *np.moveaxis(found, 2, 0))


def check_tokens(x: torch.Tensor, g: torch.Tensor, lengths: torch.Tensor) -> None:
    """Refuse what is not a linear layer's inputs, output gradients and lengths of examples.

    Args:
        x: `(T, d)`.
        g: `(k, T, m)`.
        lengths: `(n,)` of sum T.

    Raises:
        InputError: The shapes do not fit.
    """
    if x.ndim != 2 or g.ndim != 3 or g.shape[1] != len(x) or int(lengths.sum()) != len(x):
        raise InputError(
            f"x {tuple(x.shape)}, g {tuple(g.shape)} and lengths of sum {int(lengths.sum())} do not fit: "
            "they must be (T, d), (k, T, m) and (n,) of sum T."
        )


def token_moments(x: torch.Tensor, g: torch.Tensor, lengths: torch.Tensor) -> Moments:
    """Return the moments from what a layer is given and what comes back to it; no gradient is written out.

    With G_i = sum over tokens s of g_s x_s^T it is M = X_i^T C X_j, where C = (<g_s, g'_t>) is small. All but
    the last moment need the token Gram matrices alone: ||M||^2 = <X_i X_i^T C X_j X_j^T, C> and
    tr M^2 = tr (C X_j X_i^T)^2.

    Args:
        x: `(T, d)` inputs, tokens of example after example.
        g: `(k, T, d_out)` gradients at the layer's outputs, one slab per output.
        lengths: `(n,)` number of tokens of each example.

    Returns:
        Moments of the N = n k gradients, outputs of an example side by side.

    Raises:
        InputError: The shapes do not fit.
    """
    check_tokens(x, g, lengths)
    k = len(g)
    # One row for each token and output; whose gradient it belongs to.
    inputs, outputs = x.double().repeat(k, 1), g.double().flatten(0, 1)
    example = owners(lengths.to(x.device))
    whose = torch.cat([k * example + slab for slab in range(k)])
    same = (whose[:, None] == whose).double()
    sums = torch.nn.functional.one_hot(whose, k * len(lengths)).double().T
    inner, small = inputs @ inputs.T, outputs @ outputs.T  # <x_s, x_t> and C, for all tokens
    trace = sums @ (small * inner) @ sums.T
    square = sums @ ((inner * same) @ small @ (inner * same) * small) @ sums.T
    transposed, diagonal = [], []
    for place in range(len(sums)):
        tokens = (whose == place).nonzero()[:, 0]
        product = small[:, tokens] @ inner[tokens]
        transposed.append(sums @ (product * product.T * same).sum(1))
        diagonal.append((sums @ (small[:, tokens] @ inputs[tokens] * inputs)).square().sum(1))
    found = trace, square, torch.stack(transposed, 1), torch.stack(diagonal, 1)
    return Moments(x.shape[1], *(each.cpu().numpy() for each in found))


def _of(product: np.ndarray) -> tuple[float, float, float, float]:
    return (
        float(np.trace(product)),
        float((product**2).sum()),
        float((product * product.T).sum()),
        float((np.diag(product) ** 2).sum()),
    )
