"""Kernel ridge regression on a tangent kernel: what the linearised model learns in the end.

The linear model f0(x) + J(x) (theta - theta0), fitted by squared loss with the pull
lambda/2 ||theta - theta0||^2, predicts f0(x) + k(x)^T (K + lambda I)^-1 (y - f0(X)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from lintune.errors import InputError
from lintune.kernels import contrasts, flat
from lintune.regression.arguments import check_cross, check_strength, symmetric
from lintune.regression.leave_one_out import left_out

# Relative to the mean eigenvalue of the training Gram matrix.
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
# How much of the pretrained model's own answer is kept; 0 starts from nothing.
OFFSETS = (0.0, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class KernelRegression:
    """A fitted kernel ridge regression on contrasts of logits.

    Attributes:
        basis: `(C, k)` contrasts.
        dual: `(n, k)` dual coefficients.
        ridge: The ridge in the kernel's units.
        relative_ridge: The ridge over the mean eigenvalue.
        offset: Factor on the pretrained answer.
        loss: Leave-one-out mean squared error at the chosen ridge and offset.
    """

    basis: np.ndarray
    dual: np.ndarray
    ridge: float
    relative_ridge: float
    offset: float
    loss: float

    def scores(self, cross: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return class scores `(m, C)`; the largest is the prediction.

        Args:
            cross: `(n, k, m, k)` kernel between training and new examples.
            logits: `(m, C)` pretrained logits of the new examples.
        """
        n, k, m, _ = cross.shape
        learnt = (flat(cross).T @ self.dual.reshape(n * k)).reshape(m, k)
        return np.asarray((self.offset * logits @ self.basis + learnt) @ self.basis.T)


def fit(
    kernel: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    ridges: Sequence[float] = RIDGES,
    offsets: Sequence[float] = OFFSETS,
) -> KernelRegression:
    """Fit kernel ridge regression to class labels, ridge and offset chosen by leaving one out.

    The choice sees training data only. Leave-one-out errors are exact and cost one eigendecomposition.

    Args:
        kernel: `(n, C-1, n, C-1)` kernel of the contrasts of the training examples.
        logits: `(n, C)` their pretrained logits.
        labels: `(n,)` classes from 0 to C-1.
        ridges: Candidate ridges, positive, relative to the mean eigenvalue.
        offsets: Candidate factors on the pretrained answer.

    Raises:
        InputError: Shapes do not fit, a label is out of range, a ridge is not positive, or the kernel
            is zero or not finite.
    """
    _check(kernel, logits, labels, ridges)
    basis = contrasts(logits.shape[1])
    targets, start = basis[labels], logits @ basis
    gram = flat(kernel)
    mean_eigenvalue = float(np.trace(gram) / len(gram))
    values, vectors = linalg.eigh((gram + gram.T) / 2)
    best: KernelRegression | None = None
    for relative in ridges:
        ridge = relative * mean_eigenvalue
        inverse = (vectors / (np.clip(values, 0, None) + ridge)) @ vectors.T
        for offset in offsets:
            dual = (inverse @ (targets - offset * start).ravel()).reshape(targets.shape)
            loss = float((left_out(inverse, dual) ** 2).mean())
            if best is None or loss < best.loss:
                best = KernelRegression(basis, dual, ridge, relative, offset, loss)
    assert best is not None
    return best


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


def _check(kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray, ridges: Sequence[float]) -> None:
    n, classes = logits.shape
    if kernel.shape != (n, classes - 1, n, classes - 1):
        raise InputError(
            f"kernel of shape {kernel.shape} must be {(n, classes - 1, n, classes - 1)} for these logits."
        )
    if labels.shape != (n,) or labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels must be {n} classes from 0 to {classes - 1}; got {np.unique(labels)}.")
    if not all(ridge > 0 for ridge in ridges):
        raise InputError(f"ridges={tuple(ridges)} must all be positive.")
    if not np.isfinite(kernel).all() or not np.trace(flat(kernel)) > 0:
        raise InputError("kernel must be finite and not zero.")
