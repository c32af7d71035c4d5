"""PyTorch's own recipe: `torch.func.vmap` over `torch.func.grad`, gradients stored, then inner products.

At its best: only tuned weights are arguments, sentences are sorted by length and taken in chunks padded to
their own longest, and gradients go straight to where they are stored. The chunk's size is tried out. The
tutorial on the empirical kernel computes the Jacobian twice, which is slower by as much.
"""

import torch
from torch.func import functional_call, grad, vmap

from benchmarks.inputs import Inputs
from benchmarks.jacobian import Jacobian
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call


def prepare(setting: Setting, inputs: Inputs, chunk: int) -> Call:
    """Set the chunks up."""
    tuned = tune(setting, inputs)
    weights = {name: weight.detach() for name, weight in tuned.parameters.items()}
    jacobian = Jacobian(tuned, inputs, beside=chunk // 2)  # as measured: they are freed while they are stored
    chunks = inputs.chunks(chunk)

    def output(given: dict[str, torch.Tensor], ids: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        return functional_call(tuned.function, given, (ids[None], last[None]))[0]

    gradients = vmap(grad(output), in_dims=(None, 0, 0))

    def kernel() -> torch.Tensor:
        for each in chunks:
            jacobian.store(each.places, gradients(weights, each.ids, each.last))
        return jacobian.gram()

    return kernel
