"""Methods as metrics on the space of a weight: what all kernels at the start have in common.

A method that makes of a layer's weight W a function of its parameters, with derivative D at the start, has in
that layer the kernel J M J^T with J the gradients for W, `(N, q p)`, and M = D D^T. The statements are ours;
their proofs are in the book's chapter on all methods in one picture.
"""

import math

import torch
from torch.func import jacrev
from transformers.pytorch_utils import Conv1D

from lintune.methods import (
    AdaLoRA,
    Columns,
    DoRA,
    Entries,
    FLoRA,
    LoRA,
    Method,
    ParallelAdapter,
    Rows,
    TriLoRA,
    VeRA,
    Weights,
)
from lintune.tangents import Site, linear_weight

# Variance of peft's usual A, over 1 / d_in, and the variance of the entries of AdaLoRA's factors.
_UNIFORM, _ADALORA = 1 / 3, 0.02**2


def directions(method: Method, site: Site) -> torch.Tensor:
    """Return D, the derivative of a layer's weight for the trained values at the start, `(q p, P)`.

    It is written out, for small layers. Of DoRA it is the derivative of the true function, while training
    takes a norm for constant.

    Args:
        method: A method whose values can be merged into the weight.
        site: One of its sites, with a weight `(q, p)`.

    Raises:
        InputError: The layer is no linear one with these values.
    """

    def weight(values: dict[str, torch.Tensor]) -> torch.Tensor:
        merged: torch.Tensor = method.merged(site, values)["weight"]
        return merged.T if isinstance(site.module, Conv1D) else merged

    found = jacrev(weight)(method.start(site))
    size = linear_weight(site).numel()
    return torch.cat([part.reshape(size, -1) for part in found.values()], dim=1)


def mean_factor(method: Method, d_out: int, d_in: int) -> float | None:
    """Return the c with E M = c I over what a method draws by chance, in a layer `(d_out, d_in)`.

    The mean of the method's kernel is then c times that of the weights, layer by layer. Of rows, columns and
    entries it is over a uniformly random choice, whatever the method's rule; else over its random factors.

    Returns:
        1 for weights; the share of the weight for rows, columns and entries; with s = alpha / r,
        s^2 r / (3 d_in) for LoRA, s^2 r^2 / (9 d_in d_out) for FLoRA, s^2 r / (9 d_in d_out) for TriLoRA,
        s^2 r 0.02^4 for AdaLoRA, and 4 d^2 / d_in for VeRA that starts at d. None where the mean is no
        multiple of the identity: for what depends on W itself, and for the parallel adapter.
    """
    if isinstance(method, Weights):
        return 1.0
    if isinstance(method, Rows | Columns):
        return method.count / (d_out if isinstance(method, Rows) else d_in)
    if isinstance(method, Entries):
        return method.count / (d_out * d_in)
    if isinstance(method, VeRA):
        return 4 * method.scale**2 / d_in
    if isinstance(method, ParallelAdapter | DoRA):
        return None
    if isinstance(method, LoRA):
        given = method.down is not None or method.up is not None
        return None if given else method.scale**2 * method.rank * _UNIFORM / d_in
    if isinstance(method, AdaLoRA):
        return method.scale**2 * method.rank * _ADALORA**2
    if isinstance(method, FLoRA | TriLoRA):
        drawn = method.rank ** (2 if isinstance(method, FLoRA) else 1)
        return method.scale**2 * drawn * _UNIFORM**2 / (d_in * d_out)
    return None


def bound(method: LoRA, site: Site) -> float:
    """Return the largest eigenvalue (alpha / r)^2 ||A||^2 of LoRA's M at B = 0.

    K_LoRA is at most that times the kernel of the weights, in the order of symmetric matrices.
    """
    norm = float(torch.linalg.matrix_norm(method.a(site.name, linear_weight(site).shape[1]), 2))
    return math.pow(method.scale * norm, 2)
