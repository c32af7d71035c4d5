"""The portrait of a kernel: Gram matrix, spectrum, and what each layer adds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lintune import spectrum
from lintune.kernels import BlockKernel, contrasts, flat, tangent_kernels
from lintune.methods import Method
from lintune.prompted import PromptedModel
from lintune.tasks import Examples


def portrait(prompted: PromptedModel, examples: Examples, methods: Sequence[Method]) -> dict[str, Any]:
    """Describe the tangent kernels of several methods on some labelled examples.

    Args:
        prompted: The function; kernels are taken of the contrasts of its logits.
        examples: n labelled examples.
        methods: The methods to compare.

    Returns:
        `labels` `(n,)`, and by method under `methods`: `gram` `(n, n)` kernel between examples (trace over
        contrasts), `eigenvalues` descending, `condition_number`, `alignment` with the labels' kernel,
        and by layer under `layers` its `share` of the trace and its own `alignment`.
    """
    kernels = tangent_kernels(prompted, examples, methods=methods, outputs=contrasts(prompted.classes)).train
    labels = np.asarray(examples.labels)
    return {
        "labels": labels,
        "methods": {name: _describe(kernel, labels) for name, kernel in kernels.items()},
    }


def _describe(kernel: BlockKernel, labels: np.ndarray) -> dict[str, Any]:
    total = kernel.total()
    gram = spectrum.example_kernel(total)
    ideal = spectrum.label_kernel(labels)
    values = spectrum.eigenvalues(flat(total))
    return {
        "gram": gram,
        "eigenvalues": values,
        "condition_number": spectrum.condition_number(flat(total)),
        "alignment": spectrum.alignment(gram, ideal),
        "layers": {
            layer: {
                "share": float(np.trace(spectrum.example_kernel(block)) / np.trace(gram)),
                "alignment": spectrum.alignment(spectrum.example_kernel(block), ideal),
            }
            for layer, block in zip(kernel.layers, kernel.blocks, strict=True)
        },
    }
