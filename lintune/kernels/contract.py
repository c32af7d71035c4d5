"""Inner products of gradients that are sums of outer products, without forming what is not needed.

Let example i have the gradient G_ic = sum_t g_t x_t^T for output c. Two ways lead to <G_ic, G_jc'>:

- token Gram: sum over token pairs (s, t) of <x_s, z_t> <g_s, h_t>; cost grows with tokens squared;
- materialise: form the G of both sides, slab by slab, and multiply; cost grows with the weight's size.

Both are exact. `gram` takes the one with fewer floating-point operations.
"""

from dataclasses import dataclass

import torch

# Entries of one slab of materialised gradients: small enough for the cache, large enough for fast products.
_SLAB = 1 << 21


@dataclass(frozen=True)
class Factors:
    """Token-wise factors of the gradients of n examples for one weight.

    Attributes:
        x: `(N, p)`, tokens of example after example.
        g: `(k, N, q)`.
        lengths: `(n,)` number of tokens of each example.
    """

    x: torch.Tensor
    g: torch.Tensor
    lengths: torch.Tensor

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes n, k, N, p, q."""
        return len(self.lengths), self.g.shape[0], len(self.x), self.x.shape[1], self.g.shape[2]


def gram(rows: Factors, columns: Factors) -> torch.Tensor:
    """Return all inner products of the gradients of two sets of examples for one weight.

    Args:
        rows: n examples with k outputs.
        columns: m examples with k outputs, same p and q.

    Returns:
        `(n, k, m, k)` in the factors' dtype.
    """
    n, outputs, n_tokens, p, q = rows.shape
    m, _, m_tokens, _, _ = columns.shape
    by_tokens = n_tokens * m_tokens * (p + outputs**2 * q)
    by_weight = p * q * outputs * (n_tokens + m_tokens + n * m * outputs)
    return token_gram(rows, columns) if by_tokens <= by_weight else materialised_gram(rows, columns)


def token_gram(rows: Factors, columns: Factors) -> torch.Tensor:
    """Return `gram` by inner products between tokens."""
    n, outputs, n_tokens, _, _ = rows.shape
    m, _, m_tokens, _, _ = columns.shape
    inputs = rows.x @ columns.x.T
    row_of, column_of = _owner(rows.lengths), _owner(columns.lengths)
    all_h = columns.g.flatten(0, 1)
    result = rows.g.new_empty(outputs, n, m, outputs)
    for c in range(outputs):
        pairs = (rows.g[c] @ all_h.T).unflatten(1, (outputs, m_tokens)) * inputs[:, None, :]
        by_row = pairs.new_zeros(n, outputs * m_tokens).index_add_(0, row_of, pairs.flatten(1))
        tall = by_row.view(n * outputs, m_tokens).T.contiguous()
        summed = tall.new_zeros(m, n * outputs).index_add_(0, column_of, tall)
        result[c] = summed.view(m, n, outputs).transpose(0, 1)
    return result.transpose(0, 1).contiguous()


def materialised_gram(rows: Factors, columns: Factors) -> torch.Tensor:
    """Return `gram` by forming the gradients in slabs of output rows."""
    n, outputs, _, p, q = rows.shape
    m = len(columns.lengths)
    left, right = _spread(rows), None if rows is columns else _spread(columns)
    step = max(1, _SLAB // ((n + m) * outputs * p))
    result = rows.g.new_zeros(n * outputs, m * outputs)
    for start in range(0, q, step):
        a = _slab(*left, start, start + step)
        b = a if right is None else _slab(*right, start, start + step)
        result.addmm_(a, b.T)
    return result.view(n, outputs, m, outputs)


def _owner(lengths: torch.Tensor) -> torch.Tensor:
    """Return `(N,)`: which example each token belongs to."""
    return torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)


def _spread(factors: Factors) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the factors padded per example: `(n, T, p)` and `(n, k, T, q)`, zeros where no token is."""
    n, outputs, _, p, q = factors.shape
    longest = int(factors.lengths.max())
    starts = factors.lengths.cumsum(0) - factors.lengths
    owner = _owner(factors.lengths)
    slot = torch.arange(len(owner), device=owner.device) - starts[owner]
    x = factors.x.new_zeros(n, longest, p)
    x[owner, slot] = factors.x
    g = factors.g.new_zeros(n, outputs, longest, q)
    g[owner, :, slot] = factors.g.transpose(0, 1)
    return x, g


def _slab(x: torch.Tensor, g: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """Return rows `start:stop` of every gradient, flattened: `(n k, slab p)`."""
    part = torch.einsum("nctq,ntp->ncqp", g[..., start:stop], x)
    return part.flatten(0, 1).flatten(1)
