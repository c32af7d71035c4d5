"""Kernel ridge regression on a tangent kernel: what the linearised model would learn.

The linear model f0(x) + J(x) (theta - theta0), fitted by squared loss with the pull
lambda/2 ||theta - theta0||^2, predicts f0(x) + k(x)^T (K + lambda I)^-1 (y - f0(X)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from lintune.errors import InputError
from lintune.kernels import contrasts, flat

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
            dual = inverse @ (targets - offset * start).ravel()
            loss = float((_leave_one_out(inverse, dual, targets.shape) ** 2).mean())
            if best is None or loss < best.loss:
                best = KernelRegression(basis, dual.reshape(targets.shape), ridge, relative, offset, loss)
    assert best is not None
    return best


def _leave_one_out(inverse: np.ndarray, dual: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return what is missed at each example when it is left out, `(n, k)`.

    With A = (K + ridge I)^-1 and a = A r, the residual at example i without example i is
    (A_ii)^-1 a_i, where A_ii is the k x k block of the example's own outputs.
    """
    n, k = shape
    blocks = inverse.reshape(n, k, n, k)[np.arange(n), :, np.arange(n), :]
    return np.asarray(np.linalg.solve(blocks, dual.reshape(n, k, 1))[..., 0])


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
