"""Each example's own block of a tangent kernel, batch by batch, without the kernel between examples."""

from dataclasses import dataclass

import numpy as np
import torch

from lintune.kernels import ranks
from lintune.kernels.optimisers import signs
from lintune.kernels.stream import Stream
from lintune.kernels.written_out import groups, sides, slabs
from lintune.methods import Form, Outer, Tangents
from lintune.prompted import Classifier
from lintune.tasks import Examples


@dataclass(frozen=True)
class TangentDiagonal:
    """The blocks on the diagonal of a tangent kernel: pairs of outputs of one and the same example.

    Attributes:
        layers: Qualified names of the L layers, in the model's order.
        blocks: `(L, n, k, k)` float64; entry [l, i, c, c'] is the inner product of the gradients of
            outputs c and c' of example i for the weights of layer l.
    """

    layers: tuple[str, ...]
    blocks: np.ndarray

    def total(self) -> np.ndarray:
        """Return the sum over layers, `(n, k, k)` float64."""
        return np.asarray(self.blocks.sum(axis=0))

    def trace(self) -> float:
        """Return the trace of the kernel: the sum of all squared gradient norms."""
        return float(np.einsum("licc->", self.blocks))


def tangent_diagonal(
    prompted: Classifier,
    examples: Examples,
    *,
    method: Tangents,
    outputs: np.ndarray | None = None,
    batch_tokens: int = 1024,
) -> TangentDiagonal:
    """Compute each example's own block of a method's tangent kernel, exactly.

    One pass over the data; memory does not grow with the number of examples, beside the result.
    Started by torchrun, processes share the batches, and each returns the whole result.

    Args:
        prompted: The function.
        examples: n examples.
        method: The method; with signs where it is an optimiser's.
        outputs: `(C, k)` combinations of the logits; None for the C logits.
        batch_tokens: Most tokens in one forward pass.

    Raises:
        InputError: No examples, outputs of the wrong shape, batch_tokens below 1, or a method that
            targets no layer or does not fit one.
    """
    stream = Stream(prompted, examples, method, outputs, batch_tokens)
    signed = signs(method)
    layers = tuple(stream.sites)
    blocks = torch.zeros(
        len(layers), len(stream), stream.outputs, stream.outputs, dtype=torch.float64, device=prompted.device
    )
    for batch in stream.batches[ranks.rank() :: ranks.count()]:
        for layer, forms in stream.gradients(batch):
            for form in forms:
                blocks[layers.index(layer), batch] += _own_blocks(form, signed)
    return TangentDiagonal(layers, ranks.summed_over_ranks(blocks).cpu().numpy())


def _own_blocks(form: Form, signed: tuple[bool, bool]) -> torch.Tensor:
    """Return the inner products of each example's gradients with one another, `(n, k, k)` float64."""
    if isinstance(form, Outer) and not any(signed) and _by_token(form):
        return _from_tokens(form)
    n, k = (len(form.lengths), len(form.g)) if isinstance(form, Outer) else form.v.shape[:2]
    device = form.g.device if isinstance(form, Outer) else form.v.device
    total = torch.zeros(n, k, k, dtype=torch.float64, device=device)
    for slab in slabs(form):
        left, right = sides(slab, signed)
        total += left @ right.mT
    return total


def _by_token(outer: Outer) -> bool:
    """Say whether inner products between an example's tokens take fewer operations than writing out."""
    if outer.x.ndim == 1:  # look-ups: written out, the gradient would be as large as the table
        return True
    n, (k, tokens, q), p = len(outer.lengths), outer.g.shape, outer.x.shape[1]
    pairs = int(outer.lengths.square().sum())
    return pairs * (p + k**2 * (q + 1)) <= k * tokens * p * q + n * k**2 * p * q


def _from_tokens(outer: Outer) -> torch.Tensor:
    n, k = len(outer.lengths), len(outer.g)
    total = torch.zeros(n, k, k, dtype=torch.float64, device=outer.g.device)
    for examples, tokens, real in groups(outer.lengths):
        x, g = outer.x[tokens], outer.g[:, tokens]
        inputs = x[:, :, None] == x[:, None] if x.ndim == 2 else x @ x.mT
        inputs = inputs * (real[:, :, None] & real[:, None])  # `tokens` points anywhere where none is
        for c in range(k):  # one output at a time: the products of all pairs would be k times as many
            between = torch.einsum("bsq,dbtq->bdst", g[c], g)
            total[examples, c] = torch.einsum("bdst,bst->bd", between, inputs.to(g)).double()
    return total
