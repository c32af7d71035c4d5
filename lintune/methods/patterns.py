"""Matrix pattern constraints: what factors of a low-rank change are drawn towards (Si et al., 2024)."""

from typing import Literal

import torch

Pattern = Literal["o", "d"]
PATTERNS: tuple[Pattern, ...] = ("o", "d")


def penalty(pattern: Pattern, b: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """Return MPC_o or MPC_d of the factors of a change B ... A, a scalar.

    `o`: ||A A^T - I||^2 + ||B^T B - I||^2, both factors orthonormal; `d`: ||A A^T - I||^2 and the squares
    of B^T B off its diagonal, B orthogonal alone. (The paper writes x W with the factors the other way
    round; its first factor is A.) At B = 0 the derivative for B is zero, and beside it B grows: the part
    of `o` for B is r - 2 ||B||^2 + O(||B||^4).

    Args:
        pattern: `o` or `d`.
        b: B `(d_out, r)`.
        a: A `(r, d_in)`.
    """
    one = torch.eye(len(a), dtype=a.dtype, device=a.device)
    inner = b.T @ b
    target = one if pattern == "o" else one * inner
    return (a @ a.T - one).square().sum() + (inner - target).square().sum()
