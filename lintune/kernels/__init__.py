"""Empirical tangent kernels: exact Gram matrices of the gradients, one block per tuned layer.

For many examples there are, besides, the gradients themselves (`tangent_features`), their norms
(`tangent_diagonal`), random projections with their error (`projected_kernels`), and the kernel as an operator
that is never formed (`KernelOperator`).
"""

from lintune.kernels.block import BlockKernel, flat
from lintune.kernels.contrasted import contrast_kernels
from lintune.kernels.diagonal import TangentDiagonal, tangent_diagonal
from lintune.kernels.engine import TangentKernels, tangent_kernels
from lintune.kernels.features import feature_layout, feature_size, tangent_features
from lintune.kernels.operator import KernelOperator
from lintune.kernels.optimisers import AsymmetricSignGD, SignGD
from lintune.kernels.projection import Projected, ProjectedKernels, projected_kernels
from lintune.kernels.spectra import Eigenpairs, SpectralDensity, spectral_density, top_eigenvalues
from lintune.prompted import contrasts

__all__ = [
    "AsymmetricSignGD",
    "BlockKernel",
    "Eigenpairs",
    "KernelOperator",
    "Projected",
    "ProjectedKernels",
    "SignGD",
    "SpectralDensity",
    "TangentDiagonal",
    "TangentKernels",
    "contrast_kernels",
    "contrasts",
    "feature_layout",
    "feature_size",
    "flat",
    "projected_kernels",
    "spectral_density",
    "tangent_diagonal",
    "tangent_features",
    "tangent_kernels",
    "top_eigenvalues",
]
