"""lintune with many methods, ranks and every layer apart, all kernels from the same passes.

The kernel of the setting is among them and is what is returned; no peer gives more than that one at a time.
"""

import torch

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, method
from benchmarks.ways import Call
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import (
    IA3,
    SSB,
    SSL,
    Columns,
    DoRA,
    FLoRA,
    LoRA,
    Method,
    Norms,
    ParallelAdapter,
    Rows,
    TriLoRA,
    Weights,
)


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
    """Return fourteen methods whose kernels come from the same passes."""
    scaled = ("*.k_proj", "*.v_proj", "*.up_proj")  # the targets of the sources of SSL and SSB
    return [
        Weights(name="all weights"),
        Norms(),
        Rows(),
        Columns(),
        *(LoRA(rank, targets=None) for rank in (2, 8, 64)),
        DoRA(targets=None),
        IA3(),
        SSL(scaled),
        SSB(scaled),
        FLoRA(targets=None),
        TriLoRA(targets=None),
        ParallelAdapter(targets=None),
    ]
