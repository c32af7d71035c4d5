"""Tangent kernels of many methods from the same passes over the data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
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
    """Kernels among training examples and between them and others, with the logits of both.

    Attributes:
        train: Kernel `(n, k, n, k)` of the training examples by method name.
        cross: Kernel `(n, k, m, k)` between training and other examples by method name.
        train_logits: `(n, C)` float64 logits of the training examples.
        cross_logits: `(m, C)` float64 logits of the other examples; m = 0 where there are none.
    """

    train: dict[str, BlockKernel]
    cross: dict[str, BlockKernel]
    train_logits: np.ndarray
    cross_logits: np.ndarray


def tangent_kernels(
    prompted: PromptedModel,
    train: Examples,
    others: Examples | None = None,
    *,
    methods: Sequence[Method],
    outputs: np.ndarray | None = None,
    by_layer: bool = True,
    batch_tokens: int = 1024,
    held_bytes: int = 6_000_000_000,
) -> TangentKernels:
    """Compute the exact tangent kernels of several methods at the pretrained weights.

    Every example goes through one forward pass and k backward passes, once. The training examples are
    held in memory as token-wise factors and the others stream past them: nothing of the size of
    examples times parameters is ever stored. Where the factors do not fit in `held_bytes`, the training
    examples are taken in parts and later examples pass once for each part.

    Args:
        prompted: The function.
        train: n examples.
        others: m more examples, of which only the kernel with the training examples is wanted.
        methods: Methods with distinct names.
        outputs: `(C, k)` combinations of the logits whose kernel is wanted, such as `contrasts(C)`; None
            for the kernel of all C logits. The work grows with k.
        by_layer: Keep one block per layer; otherwise only their sum, as the one block `all`.
        batch_tokens: Most tokens in one pass; memory of a pass is roughly the activations of that many
            tokens through the whole model.
        held_bytes: Most memory for the factors of held examples.

    Returns:
        The kernels, accumulated in float64, and the logits.

    Raises:
        InputError: No methods, two of one name, no examples, outputs of the wrong shape, or a method
            that targets no layer.
    """
    if not methods or len({method.name for method in methods}) != len(methods):
        raise InputError(f"methods={[m.name for m in methods]} must be at least one, with distinct names.")
    if len(train) == 0 or (others is not None and len(others) == 0):
        raise InputError("train and others must hold at least one example.")
    combined = np.eye(prompted.classes) if outputs is None else outputs
    if combined.ndim != 2 or len(combined) != prompted.classes:
        raise InputError(
            f"outputs of shape {combined.shape} must have one row for each of {prompted.classes} logits."
        )
    engine = _Engine(prompted, methods, torch.as_tensor(combined), by_layer, batch_tokens, held_bytes)
    return engine.run(prompted.encode(train), [] if others is None else prompted.encode(others))


@dataclass(frozen=True)
class _Held:
    """What is kept of one batch: factors by (method, layer), logits, and which examples it holds."""

    factors: dict[tuple[str, str], Factors]
    logits: np.ndarray
    where: slice

    @property
    def bytes(self) -> int:
        # Layers with the same input share one tensor: count storage once.
        tensors = {part.data_ptr(): part for f in self.factors.values() for part in (f.x, f.g)}
        return sum(part.numel() * part.element_size() for part in tensors.values())


class _Sums:
    """The kernels of one computation while they are filled, by method."""

    def __init__(self, targets: dict[str, list[str]], by_layer: bool, n: int, m: int, k: int) -> None:
        self.targets = targets
        self.by_layer = by_layer
        kept = {name: layers if by_layer else ["all"] for name, layers in targets.items()}
        self.kernels = {
            name: BlockKernel(tuple(b), np.zeros((len(b), n, k, m, k))) for name, b in kept.items()
        }

    def add(self, row: _Held, column: _Held, mirror: bool = False) -> None:
        """Add the products of two batches; also their transpose where the kernel is symmetric."""
        for name, layers in self.targets.items():
            blocks = self.kernels[name].blocks
            for place, layer in enumerate(layers):
                found = gram(row.factors[name, layer], column.factors[name, layer]).double().cpu().numpy()
                block = blocks[place if self.by_layer else 0]
                block[row.where, :, column.where] += found
                if mirror:
                    block[column.where, :, row.where] += found.transpose(2, 3, 0, 1)


class _Engine:
    """One computation of `tangent_kernels`."""

    def __init__(
        self,
        prompted: PromptedModel,
        methods: Sequence[Method],
        outputs: torch.Tensor,
        by_layer: bool,
        batch_tokens: int,
        held_bytes: int,
    ) -> None:
        self.prompted = prompted
        self.methods = methods
        self.outputs = outputs
        self.by_layer = by_layer
        self.batch_tokens = batch_tokens
        self.held_bytes = held_bytes
        model = prompted.pretrained.model
        self.targets = {method.name: list(select_layers(model, method.targets)) for method in methods}
        wanted = {name for layers in self.targets.values() for name in layers}
        self.layers = {name: layer for name, layer in select_layers(model).items() if name in wanted}

    def run(self, train: Sequence[Encoded], others: Sequence[Encoded]) -> TangentKernels:
        """Fill the kernels, one part of the training examples after another."""
        n, m, k = len(train), len(others), self.outputs.shape[1]
        square, cross = (
            _Sums(self.targets, self.by_layer, n, n, k),
            _Sums(self.targets, self.by_layer, n, m, k),
        )
        train_logits, cross_logits = (np.zeros((size, self.prompted.classes)) for size in (n, m))
        done = 0
        with tqdm(desc="tangents", unit=" examples", leave=False) as bar:
            while done < n:
                later = self._captured(train, done, bar)
                held = self._hold(later)
                done = held[-1].where.stop
                for place, row in enumerate(held):
                    train_logits[row.where] = row.logits
                    for column in held[place:]:
                        square.add(row, column, mirror=column is not row)
                for column in later:
                    for row in held:
                        square.add(row, column, mirror=True)
                for column in self._captured(others, 0, bar):
                    cross_logits[column.where] = column.logits
                    for row in held:
                        cross.add(row, column)
        return TangentKernels(square.kernels, cross.kernels, train_logits, cross_logits)

    def _hold(self, batches: Iterator[_Held]) -> list[_Held]:
        """Take batches while they fit in memory, at least one."""
        held: list[_Held] = []
        size = 0
        for batch in batches:
            held.append(batch)
            size += batch.bytes
            if size + batch.bytes > self.held_bytes:
                break
        return held

    def _captured(self, prompts: Sequence[Encoded], first: int, bar: "tqdm[Any]") -> Iterator[_Held]:
        """Yield the factors of the prompts from `first` on, batch by batch."""
        sizes = [len(prompt.ids) for prompt in prompts[first:]]
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
            yield _Held(factors, capture.logits.double().cpu().numpy(), where)
