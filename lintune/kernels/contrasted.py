"""Kernels of contrasts in which no order of the classes hides."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lintune.kernels.block import BlockKernel
from lintune.kernels.engine import TangentKernels, tangent_kernels
from lintune.kernels.optimisers import signs
from lintune.methods import Tangents
from lintune.prompted import Classifier, contrasts
from lintune.tasks import Examples


def contrast_kernels(
    function: Classifier,
    train: Examples,
    others: Examples | None = None,
    *,
    methods: Sequence[Tangents] | Mapping[str, Tangents],
    **options: Any,
) -> TangentKernels:
    """Compute tangent kernels of contrasts of the logits, as one solves with them.

    Signs do not commute with a change of basis. Of two classes they are taken of the gradient of the one
    contrast, the difference of the logits, which is the output of Malladi et al. (2023). Of more, signs of
    contrasts would depend on the order of the classes: they are taken of the gradient of each logit, and
    the kernel of the logits is turned into that of contrasts.

    Args:
        function: The function.
        train: n examples.
        others: m more examples, or None.
        methods: As for `tangent_kernels`.
        options: Further arguments of `tangent_kernels`, other than `outputs`.

    Returns:
        Kernels `(n, C - 1, n, C - 1)` and `(n, C - 1, m, C - 1)`, and the logits.

    Raises:
        InputError: As `tangent_kernels`.
    """
    given = methods.values() if isinstance(methods, Mapping) else methods
    basis = contrasts(function.classes)
    if function.classes == 2 or not any(any(signs(method)) for method in given):
        return tangent_kernels(function, train, others, methods=methods, outputs=basis, **options)
    found = tangent_kernels(function, train, others, methods=methods, **options)
    within, cross = (
        {name: _contrasted(kernel, basis) for name, kernel in side.items()}
        for side in (found.train, found.cross)
    )
    return TangentKernels(within, cross, found.train_logits, found.cross_logits)


def _contrasted(kernel: BlockKernel, basis: np.ndarray) -> BlockKernel:
    blocks = np.einsum("lncmd,cp,dq->lnpmq", kernel.blocks, basis, basis, optimize=True)
    return BlockKernel(kernel.layers, blocks)
