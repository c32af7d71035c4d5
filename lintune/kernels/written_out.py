"""Gradients of examples written out, in slabs that fit the memory they are given."""

from collections.abc import Iterator

import torch

from lintune.methods import Form, Outer, Vector

# Entries of one slab: small enough for a CPU's cache, large enough for fast products; a GPU takes more.
_SLAB = {"cpu": 1 << 21}
_GPU_SLAB = 1 << 28
# Examples are written out in groups of similar lengths, padded to the longest by at most this factor.
_PADDING = 1.25


def slabs(form: Form) -> Iterator[torch.Tensor]:
    """Yield the gradients of n examples in slabs `(n, k, P)` of some of their parameters.

    Every parameter whose gradient can differ from zero is in exactly one slab.
    """
    if isinstance(form, Vector):
        yield form.v
    elif form.x.ndim == 1:
        yield from _of_lookups(form)
    else:
        yield from _of_products(form)


def _of_products(outer: Outer) -> Iterator[torch.Tensor]:
    grouped = [
        (examples, tokens, outer.x[tokens] * real[..., None])
        for examples, tokens, real in groups(outer.lengths)
    ]
    n, (k, _, q), p = len(outer.lengths), outer.g.shape, outer.x.shape[1]
    step = max(1, _room(outer.g) // (n * k * p))
    for start in range(0, q, step):
        part = outer.g[..., start : start + step]
        slab = outer.g.new_empty(n, k, part.shape[-1], p)
        for examples, tokens, x in grouped:
            g = part[:, tokens].permute(1, 0, 3, 2)  # (b, k, q, T)
            slab[examples] = (g.flatten(1, 2) @ x).unflatten(1, (k, -1))
        yield slab.flatten(2)


def _of_lookups(outer: Outer) -> Iterator[torch.Tensor]:
    """Write out the rows that are taken at all, some of them at a time."""
    taken, which = outer.x.unique(return_inverse=True)
    n, (k, _, q) = len(outer.lengths), outer.g.shape
    step = max(1, _room(outer.g) // (n * k * q))
    for start in range(0, len(taken), step):
        rows = torch.arange(start, min(start + step, len(taken)), device=which.device)
        chosen = (which[:, None] == rows).to(outer.g)
        yield from _of_products(Outer(chosen, outer.g, outer.lengths))


def _room(like: torch.Tensor) -> int:
    return _SLAB.get(like.device.type, _GPU_SLAB)


def sides(slab: torch.Tensor, signed: tuple[bool, bool]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a slab as it enters for rows and for columns: by its elementwise signs, or as it is."""
    signs = slab.sign() if any(signed) else slab
    return signs if signed[0] else slab, signs if signed[1] else slab


def groups(lengths: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Return groups of examples of similar length.

    Returns:
        For each group its examples `(b,)`, the places of their tokens `(b, T)` (some place where there
        is none), and which of these are real `(b, T)`.
    """
    starts = lengths.cumsum(0) - lengths
    order = lengths.argsort()
    groups = []
    sizes = lengths[order].tolist()
    first = 0
    for place in range(1, len(sizes) + 1):
        if place == len(sizes) or sizes[place] > _PADDING * sizes[first]:
            examples = order[first:place]
            slot = torch.arange(sizes[place - 1], device=lengths.device)
            real = slot < lengths[examples, None]
            groups.append((examples, torch.where(real, starts[examples, None] + slot, 0), real))
            first = place
    return groups
