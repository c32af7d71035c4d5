"""How far a chosen part of a weight moves a kernel: rows, columns, or single entries, drawn at random.

A weight of m rows and d columns has the kernel K_ij = sum over entries (a, b) of H_ab, the products of the
gradients of i and j for that entry. Its rows have the kernels h_a, the sums of H over b, and its columns c_b,
those over a; either add up to K. A subset of r rows drawn at random is a sample of r of the m numbers h_a
without replacement, a cluster sample of the entries. The proofs are in the book's chapter on RoCoFT.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from lintune.errors import InputError, unknown_name
from lintune.tangents import owners
from lintune.theory.moments import check_tokens

KINDS = ("rows", "columns", "entries")
# Numbers of one slab of gradients that are written out.
_SLAB = 1 << 22


@dataclass(frozen=True)
class Products:
    """Sums of squares of the parts of a weight's kernel, for each two of N gradients.

    Attributes:
        shape: `(m, d)` of the weight, `(d_out, d_in)`.
        total: `(N, N)` float64 K = sum of H.
        rows: `(N, N)` sum over rows of h_a^2.
        columns: `(N, N)` sum over columns of c_b^2.
        entries: `(N, N)` sum over entries of H_ab^2.
    """

    shape: tuple[int, int]
    total: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    entries: np.ndarray

    def parts(self, kind: str) -> tuple[np.ndarray, int]:
        """Return the sum of squares of the parts of one kind, and how many parts there are.

        Raises:
            InputError: The kind is none of `rows`, `columns` and `entries`.
        """
        rows, columns = self.shape
        if kind not in KINDS:
            raise unknown_name("kind", kind, KINDS)
        number = {"rows": rows, "columns": columns, "entries": rows * columns}[kind]
        return np.asarray(getattr(self, kind)), number


def gradient_products(gradients: np.ndarray) -> Products:
    """Return the sums from gradients that are written out.

    Args:
        gradients: `(N, m, d)`.

    Raises:
        InputError: They have another number of dimensions.
    """
    given = np.asarray(gradients, dtype=float)
    if given.ndim != 3:
        raise InputError(f"gradients of shape {given.shape} must be (N, m, d).")
    rows = np.einsum("iab,jab->aij", given, given)
    columns = np.einsum("iab,jab->bij", given, given)
    entries = np.einsum("iab,jab->ij", given**2, given**2)
    return Products(given.shape[1:], rows.sum(0), (rows**2).sum(0), (columns**2).sum(0), entries)


def token_products(x: torch.Tensor, g: torch.Tensor, lengths: torch.Tensor) -> Products:
    """Return the sums from what a layer is given and what comes back to it.

    The gradients are written out a few rows, and then a few columns, at a time, in float64.

    Args:
        x: `(T, d)` inputs, tokens of example after example.
        g: `(k, T, m)` gradients at the layer's outputs, one slab per output.
        lengths: `(n,)` number of tokens of each example.

    Returns:
        Sums for the N = n k gradients, outputs of an example side by side.

    Raises:
        InputError: The shapes do not fit.
    """
    check_tokens(x, g, lengths)
    inputs = x.double().expand(len(g), *x.shape)
    total, rows, entries = _squares(g.double(), inputs, lengths)
    columns = _squares(inputs, g.double(), lengths)[1]
    found = (each.cpu().numpy() for each in (total, rows, columns, entries))
    return Products((g.shape[2], x.shape[1]), *found)


def subset_variance(squares: np.ndarray, total: np.ndarray, size: int, count: int) -> np.ndarray:
    """Return the variance of size / count times the sum over a random subset.

    The subset holds `count` of `size` numbers, drawn without replacement: the variance is
    size (size - count) / (count (size - 1)) (sum of squares - total^2 / size), and 0 where all are drawn
    (finite-population sampling; for instance Cochran, 1977).

    Args:
        squares: Sum of the squares of all numbers, of any shape.
        total: Their sum, of the same shape.
        size: How many numbers there are.
        count: How many are drawn.

    Raises:
        InputError: The count is not from 1 to the size.
    """
    if not 1 <= count <= size:
        raise InputError(f"count={count} must be from 1 to {size}.")
    if count == size:
        return np.zeros_like(squares)
    spread = np.maximum(np.asarray(squares) - np.asarray(total) ** 2 / size, 0)
    return np.asarray(spread * (size * (size - count) / (count * (size - 1))))


def selection_variance(products: Products, kind: str, count: int) -> np.ndarray:
    """Return the variance of each entry of the kernel of `count` random rows, columns or entries.

    It is that of the kernel times the number of all over `count`, whose mean is K. Layers with independent
    draws add up.

    Args:
        products: Of the layer's gradients.
        kind: `rows`, `columns` or `entries`.
        count: How many are drawn.

    Returns:
        `(N, N)`.

    Raises:
        InputError: The kind is not known, or there are not so many.
    """
    squares, size = products.parts(kind)
    return subset_variance(squares, products.total, size, count)


def bernoulli_variance(products: Products, share: float) -> np.ndarray:
    """Return the variance of each entry of a kernel whose weight's entries are kept independently.

    With probability p each, over p, it is (1 - p) / p times the sum of H_ab^2. It is at least that of a mask
    without replacement of p m d entries wherever the sum of H_ab^2 is at most K^2; so on the diagonal.

    Args:
        products: Of the layer's gradients.
        share: p, above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise InputError(f"share={share} must be above 0 and at most 1.")
    return np.asarray(products.entries * ((1 - share) / share))


def design_effect(products: Products, kind: str) -> np.ndarray:
    """Return the variance with random rows, or columns, over that with as many random entries.

    It does not depend on how many: it is the mean square between rows over that of all entries, which is
    below 1 where the H_ab of a row tend to cancel, and up to about d where they have the same sign
    (the design effect of a cluster sample; Kish, 1965).

    Args:
        products: Of the layer's gradients.
        kind: `rows` or `columns`.

    Returns:
        `(N, N)`; NaN where entries have no variance.

    Raises:
        InputError: The kind is not known.
    """
    if kind not in ("rows", "columns"):
        raise unknown_name("kind", kind, ("rows", "columns"))
    squares, size = products.parts(kind)
    entries, number = products.parts("entries")
    if min(size, number) < 2:
        return np.full_like(entries, np.nan)
    # Variances at the same share of the weight: count / size = entries / number.
    per_part = np.maximum(squares - products.total**2 / size, 0) * (size / (size - 1))
    per_entry = np.maximum(entries - products.total**2 / number, 0) * (number / (number - 1))
    return np.asarray(np.divide(per_part, per_entry, out=np.full_like(entries, np.nan), where=per_entry > 0))


def _squares(
    left: torch.Tensor, right: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return sums for gradients sum_t left_t right_t^T: of h_a, of h_a^2, of H_ab^2; each `(N, N)`."""
    number = len(left) * len(lengths)
    total, squares, entries = (left.new_zeros(number, number) for _ in range(3))
    for slab in _slabs(left, right, lengths):
        by_row = slab.permute(1, 0, 2) @ slab.permute(1, 2, 0)
        total += by_row.sum(0)
        squares += by_row.square().sum(0)
        flat = slab.square().flatten(1)
        entries += flat @ flat.T
    return total, squares, entries


def _slabs(left: torch.Tensor, right: torch.Tensor, lengths: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield some rows `(N, q, p)` of the gradients sum_t left_t right_t^T at a time."""
    whose = owners(lengths.to(left.device))
    places = [(whose == example).nonzero()[:, 0] for example in range(len(lengths))]
    step = max(1, _SLAB // (len(left) * len(lengths) * right.shape[2]))
    for start in range(0, left.shape[2], step):
        part = left[..., start : start + step]
        # (k, q, p) for each example.
        written = [part[:, tokens].transpose(1, 2) @ right[:, tokens] for tokens in places]
        yield torch.stack(written).flatten(0, 1)
