"""Tangent kernels that are multiplied by and never formed.

With J the gradients of all examples and outputs, K v = J (J^T v). J^T v is a change of the parameters, and
J times it is what the change does to the outputs. Both come from the taps of a pass: with the gradient
sum_t g_t x_t^T of an example, J^T v adds up D = sum v_ic g_t x_t^T over examples and outputs, and (K v)_ic
is the sum over tokens of g_t^T D x_t. D is needed for one layer at a time.
"""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator

from lintune.errors import InputError
from lintune.kernels import ranks
from lintune.kernels.diagonal import tangent_diagonal
from lintune.kernels.optimisers import signs
from lintune.kernels.plan import passes
from lintune.kernels.stream import Stream
from lintune.kernels.walk import Walk
from lintune.methods import Form, Tangents, Vector
from lintune.prompted import Classifier
from lintune.tangents import owners
from lintune.tasks import Examples

# Bytes that the product with one layer may take beside the taps; one vector is always taken.
_ROOM = 1 << 28


class KernelOperator(LinearOperator):  # type: ignore[misc]
    """The tangent kernel of a method among n examples, as a symmetric `(n k, n k)` linear operator.

    Outputs of an example are neighbours, as in `flat`. A product makes a pass over the data, or two
    where the examples do not fit in memory together; a product with a matrix makes no more passes than
    one with a vector. Results are float64, summed in float64 over layers and tokens; the products
    themselves have the model's precision.

    Attributes:
        passes: How many passes over the data have been made.
    """

    def __init__(
        self,
        prompted: Classifier,
        examples: Examples,
        *,
        method: Tangents,
        outputs: np.ndarray | None = None,
        batch_tokens: int = 1024,
        memory: int = 6_000_000_000,
        recompute: bool | None = None,
    ) -> None:
        """Plan the passes; none is made yet.

        Args:
            prompted: The function.
            examples: n examples.
            method: The method; none that enters by signs.
            outputs: `(C, k)` combinations of the logits; None for the C logits.
            batch_tokens: Most tokens in one forward pass.
            memory: Bytes that a product may keep, beside the model; the change of the parameters for
                one vector may exceed it.
            recompute: Whether blocks are run again in the backward walk where all examples fit in
                memory together; None to do so where it is needed.

        Raises:
            InputError: No examples, outputs of the wrong shape, batch_tokens or memory below 1, or a
                method that enters by signs, targets no layer or does not fit one.
        """
        if memory < 1:
            raise InputError(f"memory={memory} must be at least 1.")
        if any(signs(method)):
            raise InputError(f"method={method.name!r} enters by signs: its kernel is no product J J^T.")
        self._stream = stream = Stream(prompted, examples, method, outputs, batch_tokens)
        self._prompted, self._examples, self._method = prompted, examples, method
        self._outputs, self._batch_tokens, self._memory = outputs, batch_tokens, memory
        model = prompted.pretrained.model
        planned = passes(model, stream.sites, stream.sizes, len(stream), stream.outputs, memory, recompute)
        self._recompute = planned[0].recompute
        self._streams = len(planned) > 1 or len(stream) < ranks.count()
        self.passes = 0
        super().__init__(np.dtype(np.float64), (len(stream) * stream.outputs,) * 2)

    def trace(self) -> float:
        """Return the trace: it is exact, not estimated, and costs one pass over the data."""
        self.passes += 1
        return tangent_diagonal(
            self._prompted,
            self._examples,
            method=self._method,
            outputs=self._outputs,
            batch_tokens=self._batch_tokens,
        ).trace()

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _matmat(self, x: np.ndarray) -> np.ndarray:
        stream, dtype = self._stream, self._prompted.pretrained.model.dtype
        vectors = torch.as_tensor(np.ascontiguousarray(x), dtype=dtype, device=self._prompted.device)
        v = vectors.view(len(stream), stream.outputs, -1)
        found = torch.zeros(v.shape, dtype=torch.float64, device=v.device)
        if self._streams:
            for columns in self._columns_at_once(v.shape[2]):
                self._add_streamed(v[..., columns], found[..., columns])
        else:
            self._add_together(v, found)
        return found.view(x.shape).cpu().numpy()

    def _adjoint(self) -> "KernelOperator":
        return self

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._matvec(x)

    def _rmatmat(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(x)

    def _add_together(self, v: torch.Tensor, found: torch.Tensor) -> None:
        """Add K v, all examples in one walk: each layer's part is done when the walk is there."""
        stream = self._stream
        self.passes += 1
        walk = Walk(
            self._prompted,
            stream.encoded,
            stream.sites,
            stream.combined,
            batch_tokens=self._batch_tokens,
            recompute=self._recompute,
        )
        piece = 0
        for taps in walk:
            for form in (form for tap in taps.values() for form in self._method.gradients(tap)):
                if piece % ranks.count() == ranks.rank():  # of several processes each does some forms
                    _add_product(form, v, found)
                piece += 1
        ranks.summed_over_ranks(found)

    def _add_streamed(self, v: torch.Tensor, found: torch.Tensor) -> None:
        """Add K v batch by batch: the changes of all parameters first, then what they do."""
        self.passes += 2
        changes: dict[tuple[str, int], _Change] = {}
        for batch in self._stream.batches:
            for key, form in self._forms(batch):
                changes.setdefault(key, _Change()).add(form, v[batch])
        for batch in self._stream.batches:
            for key, form in self._forms(batch):
                found[batch] += changes[key].effect(form)

    def _forms(self, batch: slice) -> Iterator[tuple[tuple[str, int], Form]]:
        for layer, forms in self._stream.gradients(batch):
            for place, form in enumerate(forms):
                yield (layer, place), form

    def _columns_at_once(self, count: int) -> Iterator[slice]:
        """Yield the columns whose changes of all parameters fit in half of the memory together."""
        each = sum(self._method.parameters(site) for site in self._stream.sites.values())
        each *= self._prompted.pretrained.model.dtype.itemsize
        step = max(1, self._memory // (2 * each))
        return (slice(start, start + step) for start in range(0, count, step))


class _Change:
    """The change J^T v of one parameter, for b vectors at once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sum: torch.Tensor | None = None  # (b, P), (b, q, p), or (b, rows, q) of a table
        self._rows: torch.Tensor | None = None  # the rows of a table that were taken so far, ascending

    def add(self, form: Form, v: torch.Tensor) -> None:
        """Add the gradients of n examples, weighted.

        Args:
            form: Their gradients.
            v: `(n, k, b)` weights.
        """
        if isinstance(form, Vector):
            new = torch.einsum("icb,icp->bp", v.to(form.v), form.v)
        else:
            weighted = torch.einsum("tcb,ctq->btq", v[owners(form.lengths)].to(form.g), form.g)
            if form.x.ndim == 1:
                self._add_rows(form.x, weighted)
                return
            new = weighted.mT @ form.x
        self._sum = new if self._sum is None else self._sum.add_(new)

    def effect(self, form: Form) -> torch.Tensor:
        """Return what the change does to the outputs of n examples: `(n, k, b)` float64."""
        assert self._sum is not None
        if isinstance(form, Vector):
            return torch.einsum("bp,icp->icb", self._sum, form.v).double()
        if form.x.ndim == 1:
            assert self._rows is not None
            moved = self._sum[:, torch.searchsorted(self._rows, form.x)]
        else:
            moved = form.x @ self._sum.mT
        by_token = torch.einsum("btq,ctq->tcb", moved, form.g).double()
        found = by_token.new_zeros(len(form.lengths), *by_token.shape[1:])
        return found.index_add_(0, owners(form.lengths), by_token)

    def _add_rows(self, rows: torch.Tensor, weighted: torch.Tensor) -> None:
        if self._rows is not None and self._sum is not None:
            rows = torch.cat([self._rows, rows])
            weighted = torch.cat([self._sum, weighted], dim=1)
        self._rows, which = rows.unique(return_inverse=True)
        shape = (len(weighted), len(self._rows), weighted.shape[2])
        self._sum = weighted.new_zeros(shape).index_add_(1, which, weighted)


def _add_product(form: Form, v: torch.Tensor, found: torch.Tensor) -> None:
    """Add a form's part of K v to `found`, as many columns at a time as there is room for."""
    step = max(1, _ROOM // (_entries(form) * v.element_size()))
    for start in range(0, v.shape[2], step):
        columns = slice(start, start + step)
        change = _Change()
        change.add(form, v[..., columns])
        found[..., columns] += change.effect(form)


def _entries(form: Form) -> int:
    """Return about the entries that one column takes: the change, and twice the tokens' part of it."""
    if isinstance(form, Vector):
        return form.v.shape[2]
    _, tokens, q = form.g.shape
    return q * ((tokens if form.x.ndim == 1 else form.x.shape[1]) + 2 * tokens)
