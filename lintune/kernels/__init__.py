"""Empirical tangent kernels: exact Gram matrices of the gradients, one block per tuned weight."""

from lintune.kernels.block import BlockKernel, flat
from lintune.kernels.engine import TangentKernels, tangent_kernels
from lintune.kernels.outputs import contrasts

__all__ = ["BlockKernel", "TangentKernels", "contrasts", "flat", "tangent_kernels"]
