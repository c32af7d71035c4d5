"""Kernel ridge regression with ridge and offset chosen by leaving one out, in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from lintune.errors import InputError
from lintune.kernels import contrasts, flat
from lintune.regression.leave_one_out import left_out
from lintune.solvers.arguments import check_problem, symmetric_gram
from lintune.solvers.solver import Expansion

# Relative to the mean eigenvalue of the training Gram matrix.
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
# How much of the pretrained model's own answer is kept; 0 starts from nothing.
OFFSETS = (0.0, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class KernelRegression(Expansion):
    """A fitted kernel ridge regression on contrasts of logits.

    Attributes:
        ridge: The ridge in the kernel's units.
        relative_ridge: The ridge over the mean eigenvalue.
        loss: Leave-one-out mean squared error at the chosen ridge and offset.
    """

    ridge: float
    relative_ridge: float
    loss: float


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
            is zero, not finite or not symmetric.
    """
    _check(kernel, logits, labels, ridges)
    basis = contrasts(logits.shape[1])
    targets, start = basis[labels], logits @ basis
    gram = symmetric_gram(kernel, "leave-one-out in closed form")
    mean_eigenvalue = float(np.trace(gram) / len(gram))
    values, vectors = linalg.eigh(gram)
    best: KernelRegression | None = None
    for relative in ridges:
        ridge = relative * mean_eigenvalue
        inverse = (vectors / (np.clip(values, 0, None) + ridge)) @ vectors.T
        for offset in offsets:
            dual = (inverse @ (targets - offset * start).ravel()).reshape(targets.shape)
            loss = float((left_out(inverse, dual) ** 2).mean())
            if best is None or loss < best.loss:
                best = KernelRegression(basis, dual, offset, ridge, relative, loss)
    assert best is not None
    return best


def _check(kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray, ridges: Sequence[float]) -> None:
    check_problem(kernel, logits, labels)
    if not all(ridge > 0 for ridge in ridges):
        raise InputError(f"ridges={tuple(ridges)} must all be positive.")
    if not np.trace(flat(kernel)) > 0:
        raise InputError("kernel must have a positive trace.")
