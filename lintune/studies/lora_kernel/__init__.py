"""LoRA keeps the kernel: how far its kernel at B = 0 is from that of the weights, against what theory says.

A layer's block of LoRA's kernel is divided by its mean factor alpha^2 / (3 r d), so that its mean over draws
of A is the block of the weights.
"""

from lintune.studies.lora_kernel.errors import (
    agreement,
    bounds,
    error_law,
    layer_errors,
    slopes,
    standard_errors,
    summed_errors,
)
from lintune.studies.lora_kernel.measuring import Measured, flat_blocks, layer_moments, measure
from lintune.studies.lora_kernel.regressions import at_usual_scale, regressions

__all__ = [
    "Measured",
    "agreement",
    "at_usual_scale",
    "bounds",
    "error_law",
    "flat_blocks",
    "layer_errors",
    "layer_moments",
    "measure",
    "regressions",
    "slopes",
    "standard_errors",
    "summed_errors",
]
