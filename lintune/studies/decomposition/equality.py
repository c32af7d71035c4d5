"""The factored forms of a low-rank change: one set of matrices, written in three ways."""

import torch

from lintune.errors import InputError


def as_lora(b: torch.Tensor, m: torch.Tensor, a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return B' `(d_out, r)` and A `(r, d_in)` with B' A = B M A: what FLoRA writes, as LoRA writes it.

    Args:
        b: B `(d_out, r)`.
        m: M `(r, r)`, or the diagonal `(r,)` of TriLoRA.
        a: A `(r, d_in)`.
    """
    return (b @ m if m.ndim == 2 else b * m), a


def as_trilora(b: torch.Tensor, a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return B `(d_out, r)`, D `(r,)` and A `(r, d_in)` with orthonormal B and A and B diag(D) A = b a.

    It is the singular value decomposition of the product, from those of small matrices.
    """
    left, upper = torch.linalg.qr(b)
    right, lower = torch.linalg.qr(a.T)
    u, d, v = torch.linalg.svd(upper @ lower.T)
    return left @ u, d, v @ right.T


def best_scale(target: torch.Tensor, change: torch.Tensor) -> float:
    """Return the s that minimises ||target - s change||, <target, change> / ||change||^2 (Si et al., 2024).

    Raises:
        InputError: The change is zero: every s is as good.
    """
    square = float(change.square().sum())
    if square == 0:
        raise InputError("change=0: every scale of it is as far from the target.")
    return float((target * change).sum()) / square
