"""Kernels while they are filled, pass by pass."""

from collections.abc import Mapping, Sequence

import numpy as np

from lintune.kernels.block import BlockKernel
from lintune.kernels.plan import Pass


class Result:
    """The blocks of all kernels between the training examples and all examples."""

    def __init__(self, blocks: Mapping[str, Sequence[str]], train: int, examples: int, outputs: int) -> None:
        """Begin with zeros.

        Args:
            blocks: Names of the blocks by name of the method.
            train: Number n of training examples.
            examples: Number n + m of all examples, training examples first.
            outputs: Number of outputs k.
        """
        self._names = {method: tuple(names) for method, names in blocks.items()}
        shape = (train, outputs, examples, outputs)
        self._blocks = {method: np.zeros((len(names), *shape)) for method, names in blocks.items()}
        self._train = train

    def add(self, method: str, block: str, found: np.ndarray, each: Pass) -> None:
        """Put the inner products `(rows, k, rows + columns, k)` of a pass where they belong."""
        place = self._blocks[method][self._names[method].index(block)]
        rows = each.rows.stop - each.rows.start
        if each.corner:
            place[each.rows, :, each.rows] += found[:, :, :rows]
        place[each.rows, :, each.columns] += found[:, :, rows:]

    def add_transposed(self, method: str, block: str, found: np.ndarray, each: Pass) -> None:
        """Put the same with rows and columns exchanged, where the columns are training examples."""
        if each.columns_are_rows_too:
            place = self._blocks[method][self._names[method].index(block)]
            rows = each.rows.stop - each.rows.start
            place[each.columns, :, each.rows] += found[:, :, rows:].transpose(2, 3, 0, 1)

    def train(self) -> dict[str, BlockKernel]:
        """Return the kernels `(n, k, n, k)` among training examples by method."""
        return {
            method: BlockKernel(self._names[method], blocks[:, :, :, : self._train])
            for method, blocks in self._blocks.items()
        }

    def cross(self) -> dict[str, BlockKernel]:
        """Return the kernels `(n, k, m, k)` between training and other examples by method."""
        return {
            method: BlockKernel(self._names[method], blocks[:, :, :, self._train :])
            for method, blocks in self._blocks.items()
        }
