"""lintune: one packed forward pass, one backward pass of the activations, every layer contracted on the way.

As anybody would call it; `recompute` trades a second forward pass for less memory.
"""

import torch

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, method
from benchmarks.ways import Call
from lintune.kernels import contrasts, flat, tangent_kernels


def prepare(setting: Setting, inputs: Inputs, recompute: bool = False) -> Call:
    """Set the method up."""
    tuned = method(setting, inputs)
    prompted = inputs.prompted
    outputs = contrasts(prompted.classes)

    def kernel() -> torch.Tensor:
        found = tangent_kernels(
            prompted,
            inputs.examples,
            methods=[tuned],
            outputs=outputs,
            by_layer=False,
            recompute=recompute,
        )
        return torch.as_tensor(flat(found.train[tuned.name].total()))

    return kernel
