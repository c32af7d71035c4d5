"""The plain loop: one backward pass for each sentence, gradients stored, then their inner products.

At its best: every sentence at its own length (or, as most people write it, all padded to the longest),
frozen weights get no gradient, and inner products are taken so that no digits are lost (see `products`).
"""

import torch

from benchmarks.inputs import Inputs
from benchmarks.jacobian import Jacobian
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call


def prepare(setting: Setting, inputs: Inputs, padded: bool = False) -> Call:
    """Set the loop up."""
    tuned = tune(setting, inputs)
    weights = tuned.parameters
    jacobian = Jacobian(tuned, inputs)
    longest = max(len(ids) for ids in inputs.sentences) if padded else None
    sentences = [inputs.chunk([place], longest) for place in range(len(inputs))]

    def kernel() -> torch.Tensor:
        for alone in sentences:
            output = tuned.function(alone.ids, alone.last).sum()
            gradients = torch.autograd.grad(output, [*weights.values()])
            jacobian.store(alone.places, dict(zip(weights, gradients, strict=True)))
        return jacobian.gram()

    return kernel
