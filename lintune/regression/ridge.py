"""Kernel ridge regression on a tangent kernel: what the linearised model learns in the end.

The linear model f0(x) + J(x) (theta - theta0), fitted by squared loss with the pull
lambda/2 ||theta - theta0||^2, predicts f0(x) + k(x)^T (K + lambda I)^-1 (y - f0(X)).
"""

import numpy as np
from scipy import linalg

from lintune.regression.arguments import check_cross, check_strength, symmetric


def ridge_outputs(
    gram: np.ndarray, residual: np.ndarray, strength: float, cross: np.ndarray | None = None
) -> np.ndarray:
    """Return what the regularised optimum adds to the outputs at the start; nothing is chosen.

    Args:
        gram: `(N, N)` symmetric kernel K of the training outputs, flat.
        residual: `(N,)` targets minus the outputs at the start, r0 = y - f0.
        strength: Lambda, in the kernel's units, positive.
        cross: `(N, M)` kernel between training outputs and others; None for the training outputs.

    Returns:
        `(M,)` k(x)^T (K + lambda I)^-1 r0, or `(N,)` K (K + lambda I)^-1 r0, float64.

    Raises:
        InputError: Shapes do not fit, a number is not finite, or the strength is not positive.
    """
    check_strength(strength)
    matrix = symmetric(gram, residual)
    if cross is not None:
        check_cross(cross, len(matrix))
    dual = linalg.solve(matrix + strength * np.eye(len(matrix)), residual, assume_a="sym")
    return np.asarray((matrix if cross is None else cross).T @ dual)
