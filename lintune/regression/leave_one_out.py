"""What kernel ridge regression says of each training example when that example is left out."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from lintune.errors import InputError
from lintune.kernels import contrasts, flat
from lintune.regression.arguments import check_strength, symmetric


@dataclass(frozen=True)
class LeaveOneOut:
    """Each training example as seen by the regression on all others.

    Attributes:
        predictions: `(n, k)` outputs.
        residuals: `(n, k)` targets minus predictions.
    """

    predictions: np.ndarray
    residuals: np.ndarray

    @property
    def loss(self) -> float:
        """Mean squared residual over examples and outputs."""
        return float((self.residuals**2).mean())

    def accuracy(self, labels: np.ndarray) -> float:
        """Return how often the largest class score is the label's, where outputs are contrasts.

        Args:
            labels: `(n,)` classes from 0 to k, the classes being one more than the contrasts.

        Raises:
            InputError: The labels are of another number, or out of range.
        """
        n, k = self.predictions.shape
        if labels.shape != (n,) or labels.min() < 0 or labels.max() > k:
            raise InputError(f"labels must be {n} classes from 0 to {k}; got {np.unique(labels)}.")
        return float(((self.predictions @ contrasts(k + 1).T).argmax(axis=1) == labels).mean())


def leave_one_out(
    kernel: np.ndarray, targets: np.ndarray, strength: float, start: np.ndarray | float = 0.0
) -> LeaveOneOut:
    """Return exact leave-one-out predictions of kernel ridge regression; nothing is fitted again.

    An example is left out with all of its k outputs. With A = (K + lambda I)^-1 and a = A (y - f0), its
    residual is (A_ii)^-1 a_i, where A_ii is the k x k block of its own outputs.

    Args:
        kernel: `(n, k, n, k)`.
        targets: `(n, k)` targets y.
        strength: Lambda, in the kernel's units, positive.
        start: `(n, k)` outputs f0 that the regression starts from.

    Raises:
        InputError: Shapes do not fit, a number is not finite, or the strength is not positive.
    """
    targets = np.asarray(targets, dtype=np.float64)
    if targets.ndim != 2 or kernel.shape != targets.shape * 2:
        raise InputError(f"kernel of shape {kernel.shape} must be {targets.shape * 2} for these targets.")
    if np.ndim(start) and np.shape(start) != targets.shape:
        raise InputError(f"start of shape {np.shape(start)} must be {targets.shape}.")
    check_strength(strength)
    residual = (targets - start).ravel()
    gram = symmetric(flat(kernel), residual)
    inverse = linalg.inv(gram + strength * np.eye(len(gram)))
    missed = left_out(inverse, (inverse @ residual).reshape(targets.shape))
    return LeaveOneOut(targets - missed, missed)


def left_out(inverse: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """Return the leave-one-out residuals `(n, k)` of a regression that has been solved.

    Args:
        inverse: `(n k, n k)`, (K + lambda I)^-1, outputs of an example side by side.
        dual: `(n, k)`, the inverse times the residual.
    """
    n, k = dual.shape
    blocks = inverse.reshape(n, k, n, k)[np.arange(n), :, np.arange(n), :]
    return np.asarray(np.linalg.solve(blocks, dual[..., None])[..., 0])
