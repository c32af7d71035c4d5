"""Tangent kernels of many methods from the same passes over the data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from lintune.errors import InputError
from lintune.kernels.block import BlockKernel
from lintune.kernels.contract import Factors, gram
from lintune.methods import Method
from lintune.prompted import PromptedModel
from lintune.prompted.batches import Encoded, spans
from lintune.tangents import Capture, select_layers
from lintune.tasks import Examples


@dataclass(frozen=True)
class TangentKernels:
    """Kernels between row and column examples, and the logits that came with them.

    Attributes:
        kernels: One `BlockKernel` per method, by the method's name.
        row_logits: `(n, C)` float64 logits of the row examples.
        column_logits: `(m, C)`; the row logits again where the columns are the rows.
    """

    kernels: dict[str, BlockKernel]
    row_logits: np.ndarray
    column_logits: np.ndarray


@dataclass(frozen=True)
class _Held:
    """Everything kept of one batch: factors by (method, layer), logits, and where it lies."""

    factors: dict[tuple[str, str], Factors]
    logits: torch.Tensor
    where: slice


def tangent_kernels(
    prompted: PromptedModel,
    rows: Examples,
    columns: Examples | None = None,
    *,
    methods: Sequence[Method],
    outputs: np.ndarray | None = None,
    batch_tokens: int = 1024,
    held_bytes: int = 6_000_000_000,
) -> TangentKernels:
    """Compute the exact tangent kernels of several methods at the pretrained weights.

    Rows are held in memory as factors, columns stream past them: nothing of the size of examples times
    parameters is ever stored. Where the rows do not fit in `held_bytes` they are taken in parts, and
    the columns pass once for each part.

    Args:
        prompted: The function.
        rows: n examples.
        columns: m examples; None for the symmetric kernel of the rows.
        methods: Methods with distinct names.
        outputs: `(C, k)` combinations of the logits whose kernel is wanted, such as `contrasts(C)`; None for
            the kernel of all C logits. The work grows with k.
        batch_tokens: Most tokens in one pass; memory of a pass is roughly activations of that many
            tokens through the whole model.
        held_bytes: Most memory for the factors of held rows.

    Returns:
        The kernels, accumulated in float64, and the logits.

    Raises:
        InputError: No methods, two of one name, no examples, or a method that targets no layer.
    """
    if not methods or len({method.name for method in methods}) != len(methods):
        raise InputError(f"methods={[m.name for m in methods]} must be at least one, with distinct names.")
    if len(rows) == 0 or (columns is not None and len(columns) == 0):
        raise InputError("rows and columns must hold at least one example.")
    if outputs is not None and (outputs.ndim != 2 or len(outputs) != prompted.classes):
        raise InputError(f"outputs of shape {outputs.shape} must have one row for each of {prompted.classes} logits.")
    combined = np.eye(prompted.classes) if outputs is None else outputs
    return _Engine(prompted, methods, combined, batch_tokens, held_bytes).run(rows, columns)


class _Engine:
    """One computation of `tangent_kernels`."""

    def __init__(
        self,
        prompted: PromptedModel,
        methods: Sequence[Method],
        outputs: np.ndarray,
        batch_tokens: int,
        held_bytes: int,
    ) -> None:
        self.prompted = prompted
        self.outputs = torch.as_tensor(outputs)
        self.methods = methods
        model = prompted.pretrained.model
        self.targets = {method.name: select_layers(model, method.targets) for method in methods}
        every = select_layers(model)
        wanted = {name for layers in self.targets.values() for name in layers}
        self.layers = {name: layer for name, layer in every.items() if name in wanted}
        self.batch_tokens = batch_tokens
        self.held_tokens = max(batch_tokens, held_bytes // self._bytes_per_token(model.dtype))

    def run(self, rows: Examples, columns: Examples | None) -> TangentKernels:
        """Fill the kernels part by part."""
        row_prompts = self.prompted.encode(rows)
        column_prompts = None if columns is None else self.prompted.encode(columns)
        n, m, classes = len(rows), len(rows if columns is None else columns), self.prompted.classes
        k = self.outputs.shape[1]
        sums = {name: np.zeros((len(layers), n, k, m, k)) for name, layers in self.targets.items()}
        row_logits, column_logits = np.zeros((n, classes)), np.zeros((m, classes))
        parts = list(spans([len(prompt.ids) for prompt in row_prompts], self.held_tokens))
        with tqdm(desc="tangents", unit="example", leave=False) as bar:
            for first, last in parts:
                held = list(self._captured(row_prompts, first, last, bar))
                for batch in held:
                    row_logits[batch.where] = batch.logits.cpu().numpy()
                if column_prompts is None:
                    self._fill_symmetric(sums, held, self._captured(row_prompts, last, n, bar))
                    continue
                for batch in self._captured(column_prompts, 0, m, bar):
                    column_logits[batch.where] = batch.logits.cpu().numpy()
                    for row in held:
                        self._add(sums, row, batch)
        kernels = {name: BlockKernel(tuple(self.targets[name]), total) for name, total in sums.items()}
        return TangentKernels(kernels, row_logits, row_logits if columns is None else column_logits)

    def _fill_symmetric(self, sums: dict[str, np.ndarray], held: list[_Held], later: Iterator[_Held]) -> None:
        """Add the held rows' products with themselves and with all later rows, and the mirror images."""
        for place, row in enumerate(held):
            for column in held[place:]:
                self._add(sums, row, column, mirror=column is not row)
        for column in later:
            for row in held:
                self._add(sums, row, column, mirror=True)

    def _add(self, sums: dict[str, np.ndarray], row: _Held, column: _Held, mirror: bool = False) -> None:
        for name, layers in self.targets.items():
            for place, layer in enumerate(layers):
                found = gram(row.factors[name, layer], column.factors[name, layer]).double().cpu().numpy()
                sums[name][place, row.where, :, column.where] = found
                if mirror:
                    sums[name][place, column.where, :, row.where] = found.transpose(2, 3, 0, 1)

    def _captured(self, prompts: Sequence[Encoded], first: int, last: int, bar: tqdm) -> Iterator[_Held]:
        """Yield the factors of prompts `first:last`, batch by batch."""
        sizes = [len(prompt.ids) for prompt in prompts[first:last]]
        for start, stop in spans(sizes, self.batch_tokens):
            where = slice(first + start, first + stop)
            batch = self.prompted.lay_out(prompts[where])
            capture = Capture(self.prompted, batch, self.layers, self.outputs)
            factors = {}
            for taps in capture.blocks():
                for tap in taps:
                    for method in self.methods:
                        if tap.name in self.targets[method.name]:
                            factors[method.name, tap.name] = Factors(*method.factors(tap), batch.lengths)
            bar.update(len(batch))
            yield _Held(factors, capture.logits, where)

    def _bytes_per_token(self, dtype: torch.dtype) -> int:
        """Return what one held token takes: inputs once, output gradients once per logit."""
        entries = sum(_entries(layer, self.outputs.shape[1]) for layer in self.layers.values())
        return entries * torch.finfo(dtype).bits // 8


def _entries(layer: nn.Linear, outputs: int) -> int:
    return layer.in_features + outputs * layer.out_features
