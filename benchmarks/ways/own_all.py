"""lintune with many methods, ranks and every layer apart, all kernels from the same passes.

The kernel of the setting is among them and is what is returned; no peer gives more than that one at a time.
"""

import torch

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, method
from benchmarks.ways import Call
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import LoRA, Method


def prepare(setting: Setting, inputs: Inputs) -> Call:
    """Set the methods up."""
    tuned = method(setting, inputs)
    prompted = inputs.prompted
    outputs = contrasts(prompted.classes)
    methods: dict[str, Method] = {"the setting's": tuned} | {each.name: each for each in _others()}

    def kernel() -> torch.Tensor:
        found = tangent_kernels(prompted, inputs.examples, methods=methods, outputs=outputs)
        return torch.as_tensor(flat(found.train["the setting's"].total()))

    return kernel


def _others() -> list[Method]:
    """Return the further methods whose kernels come from the same passes."""
    return [LoRA(rank=rank, targets=None) for rank in (1, 2, 4, 8)]
