"""Inner products of gradients that are sums of outer products, without forming what is not needed.

Let example i have the gradient G_ic = sum_t g_t x_t^T for output c. Two ways lead to <G_ic, G_jc'>:

- token Gram: sum over token pairs (s, t) of <x_s, z_t> <g_s, h_t>; cost grows with tokens squared;
- writing out: form the G, slab by slab, and multiply; cost grows with the weight's size.

Both are exact; the one with fewer operations is taken. The token way works through strips: the tokens of
a few rows against those of all columns that are still to do. Within a strip the inner products of a
tensor are computed once, whichever methods and layers ask for them: q, k and v share those of inputs,
and LoRA of every rank shares those of the output gradients.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import one_hot

from lintune.kernels.written_out import sides, slabs
from lintune.methods import Form, Outer
from lintune.tangents import owners

# Token pairs of a strip: on a CPU they should stay in its cache, on a GPU keep it busy.
_STRIP = {"cpu": 1 << 16}
_GPU_STRIP = 1 << 26
# The least tokens in a strip, so that its matrix products are efficient.
_THICK = 128
# Up to so many columns, a sum over their tokens is a product with ones.
_FEW = 256
# Rows of one product of written-out gradients.
_SLAB_ROWS = 128
# Passing once over all token pairs costs about as much as this many multiplications for each of them.
_PASS = 8
# Writing out gradients multiplies thin matrices: about this much slower than the products of strips; and
# to begin with it costs as much as so many multiplications.
_THIN = 3
_BEGIN = 1 << 23


@dataclass(frozen=True)
class Region:
    """Which part of the Gram matrices of n examples is wanted: rows `:rows`, columns `start:`.

    Attributes:
        rows: Number of row examples, from the first.
        start: First column example: 0 where the square corner of the rows is wanted, else `rows`.
        share: `(index, count)`: this process does every count-th piece of the work, from the index-th.
    """

    rows: int
    start: int = 0
    share: tuple[int, int] = (0, 1)

    def is_mine(self, piece: int) -> bool:
        """Say whether a piece of the work is this process's."""
        return piece % self.share[1] == self.share[0]

    def first_column(self, first_row: int, symmetric: bool) -> int:
        """Return the first column to compute for the rows from `first_row` on."""
        return max(self.start, first_row if symmetric else 0)


@dataclass(frozen=True)
class Sum:
    """Inner products for one block of a kernel, summed over its parameters.

    Attributes:
        forms: The gradients whose inner products are wanted.
        total: `(rows, k, n, k)` float64, on the forms' device; added to in place.
        signed: Whether rows, and columns, enter by their elementwise signs.
    """

    forms: Sequence[Form]
    total: torch.Tensor
    signed: tuple[bool, bool] = (False, False)

    @property
    def symmetric(self) -> bool:
        """Whether the square corner is symmetric, so that half of it is enough."""
        return self.signed[0] == self.signed[1]


def contract(sums: Sequence[Sum], lengths: torch.Tensor, region: Region) -> None:
    """Add the inner products of gradients into the sums.

    Where a sum is symmetric, of the square corner only the entries on and above the diagonal (as pairs
    of examples) are sure to be filled; see `mirrored`.

    Args:
        sums: What is wanted; sums over the same tensors side by side.
        lengths: `(n,)` tokens of each example.
        region: Which part of the Gram matrices is wanted.
    """
    if not sums or region.start >= len(lengths):
        return
    by_token, written = _divided(sums, lengths, region)
    outputs, device = sums[0].total.shape[1], sums[0].total.device
    strips = _cut(lengths[: region.rows], int(lengths.sum()), outputs, device)
    for piece, (form, entered) in enumerate(written):
        if region.is_mine(piece):
            for slab in slabs(form):
                for wanted in entered:
                    _add_slab(wanted, slab, region)
    uses = Counter(id(tensor) for outer, _ in by_token for tensor in (outer.x, outer.g))
    lists = {id(outer.lengths): outer.lengths for outer, _ in by_token}
    ends = {key: [0, *lengths.cumsum(0).tolist()] for key, lengths in lists.items()}
    for piece, (first, last) in enumerate(strips):
        if region.is_mine(piece):
            column = region.first_column(first, symmetric=True)
            strip = _Strip(first, last, column, Counter(uses), ends)
            for outer, totals in by_token:
                found = strip.products(outer)
                for total in totals:
                    place = total[first:last, :, column:]
                    place += found


def mirrored(total: torch.Tensor) -> torch.Tensor:
    """Fill the square corner of a total `(rows, k, n, k)` below the diagonal, in place; return all."""
    rows = len(total)
    below = torch.ones(rows, rows, dtype=torch.bool, device=total.device).tril(-1)[:, None, :, None]
    corner = total[:, :, :rows]
    corner.copy_(torch.where(below, corner.permute(2, 3, 0, 1), corner))
    return total


def _cut(lengths: torch.Tensor, tokens: int, outputs: int, device: torch.device) -> list[tuple[int, int]]:
    """Return the first and last row examples of each strip.

    Args:
        lengths: `(rows,)` tokens of the row examples.
        tokens: Tokens N of all examples.
        outputs: Number of outputs k.
        device: Where the work is done.
    """
    pairs = _STRIP.get(device.type, _GPU_STRIP)
    room = max(pairs // (tokens * outputs**2), _THICK // outputs**2)
    strips: list[tuple[int, int]] = []
    filled = room
    for row, length in enumerate(lengths.tolist()):
        if filled + length > room:
            strips.append((row, row))
            filled = 0
        strips[-1] = (strips[-1][0], row + 1)
        filled += length
    return strips


def _divided(
    sums: Sequence[Sum], lengths: torch.Tensor, region: Region
) -> tuple[list[tuple[Outer, list[torch.Tensor]]], list[tuple[Form, list[Sum]]]]:
    """Return what goes by tokens, with the totals that it enters, and what is written out, with its sums."""
    by_token: dict[tuple[int, int], tuple[Outer, list[torch.Tensor]]] = {}
    written: dict[tuple[int, ...], tuple[Form, list[Sum]]] = {}
    part = region.rows * (len(lengths) - region.start / 2 - region.rows / 2) / len(lengths) ** 2
    known: set[int] = set()
    for wanted in sums:
        for form in wanted.forms:
            if isinstance(form, Outer) and not any(wanted.signed) and _by_token(form, part, known):
                known |= {id(form.x), id(form.g)}
                # DoRA and LoRA, or all parameters and the weights alone, have gradients in common.
                by_token.setdefault((id(form.x), id(form.g)), (form, []))[1].append(wanted.total)
            else:
                key = (id(form.x), id(form.g)) if isinstance(form, Outer) else (id(form),)
                written.setdefault(key, (form, []))[1].append(wanted)
    return list(by_token.values()), list(written.values())


def _by_token(form: Outer, part: float, known: set[int]) -> bool:
    """Say whether the token way takes fewer operations.

    Args:
        form: The gradients.
        part: Fraction of all pairs of examples that is wanted.
        known: Tensors whose inner products are computed for another form anyway.
    """
    if form.x.ndim == 1:  # look-ups: written out, the gradient would be as large as the table
        return True
    n, (k, tokens, q), p = len(form.lengths), form.g.shape, form.x.shape[1]
    inputs = 0 if id(form.x) in known else p
    gradients = 0 if id(form.g) in known else k**2 * q
    pairwise = part * tokens**2 * (inputs + gradients + k**2 * _PASS)
    return pairwise <= _BEGIN + _THIN * k * tokens * p * q + part * (n * k) ** 2 * p * q


def _add_slab(wanted: Sum, slab: torch.Tensor, region: Region) -> None:
    """Add the inner products of a slab `(n, k, P)` of gradients."""
    left, right = sides(slab, wanted.signed)
    for first in range(0, region.rows, _SLAB_ROWS):
        last = min(first + _SLAB_ROWS, region.rows)
        column = region.first_column(first, wanted.symmetric)
        found = left[first:last].flatten(0, 1) @ right[column:].flatten(0, 1).T
        place = wanted.total[first:last, :, column:]
        place += found.view(place.shape)


class _Strip:
    """Some rows against all columns from one on, by inner products between their tokens."""

    def __init__(
        self, first: int, last: int, column: int, uses: "Counter[int]", ends: Mapping[int, list[int]]
    ) -> None:
        """Begin a strip.

        Args:
            first: First row example.
            last: The row example after the last.
            column: First column example.
            uses: How often the inner products of each tensor are needed, by its identity.
            ends: Where each example's tokens end, from 0 on, by the identity of the lengths.
        """
        self._first, self._last, self._column = first, last, column
        self._uses = uses
        self._ends = ends
        self._known: dict[int, torch.Tensor] = {}
        self._owned: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def products(self, outer: Outer) -> torch.Tensor:
        """Return the strip's inner products of one form, `(rows, k, columns, k)`."""
        ends = self._ends[id(outer.lengths)]
        rows = slice(ends[self._first], ends[self._last])
        columns = slice(ends[self._column], ends[-1])
        inputs = self._known_or(outer.x, lambda: _inner(outer.x[rows], outer.x[columns]))
        gradients = self._known_or(outer.g, lambda: _between(outer.g[:, rows], outer.g[:, columns]))
        return self._by_example(gradients * inputs[:, None, :], outer.lengths)

    def _by_example(self, pairs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Sum `(k, a, k, b)` over the tokens of each row and each column example: `(rows, k, columns, k)`."""
        outputs, a, _, b = pairs.shape
        of_rows, of_columns = self._owners(lengths, pairs)
        # Products with ones are the fastest sums, over few rows; over many columns they would be the slowest.
        by_row = (of_rows @ pairs.view(outputs, a, outputs * b)).view(outputs, -1, outputs, b)
        if of_columns.ndim == 2:
            return (by_row @ of_columns).permute(1, 0, 3, 2)
        size = (*by_row.shape[:3], len(lengths) - self._column)
        return by_row.new_zeros(size).index_add_(3, of_columns, by_row).permute(1, 0, 3, 2)

    def _owners(self, lengths: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the rows' owners one-hot `(rows, a)`, and the columns' `(b, columns)`, or `(b,)` if many."""
        key = id(lengths)
        if key not in self._owned:
            rows, columns = lengths[self._first : self._last], lengths[self._column :]
            of_columns = owners(columns)
            if len(columns) <= _FEW:
                of_columns = one_hot(of_columns, len(columns)).to(like)
            self._owned[key] = (one_hot(owners(rows), len(rows)).to(like).T, of_columns)
        return self._owned[key]

    def _known_or(self, tensor: torch.Tensor, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return inner products computed before, or compute them; keep them if they are used again."""
        key = id(tensor)
        products = self._known.pop(key, None)
        if products is None:
            products = compute()
        self._uses[key] -= 1
        if self._uses[key] > 0:
            self._known[key] = products
        return products


def _inner(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return `(a, b)` inner products of inputs `(a, p)` and `(b, p)`; of look-ups, which are the same."""
    return left[:, None] == right if left.ndim == 1 else left @ right.T


def _between(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return `(k, a, k, b)` inner products of output gradients `(k, a, q)` and `(k, b, q)`."""
    outputs, a, _ = left.shape
    return (left.flatten(0, 1) @ right.flatten(0, 1).T).view(outputs, a, outputs, -1)
