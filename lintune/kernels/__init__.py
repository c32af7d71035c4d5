"""Empirical tangent kernels: exact Gram matrices of the gradients, one block per tuned weight."""

from lintune.kernels.block import BlockKernel, flat
from lintune.kernels.engine import TangentKernels, tangent_kernels
from lintune.kernels.optimisers import AsymmetricSignGD, SignGD
from lintune.kernels.outputs import contrasts

__all__ = [
    "AsymmetricSignGD",
    "BlockKernel",
    "SignGD",
    "TangentKernels",
    "contrasts",
    "flat",
    "tangent_kernels",
]
