"""Least squares on the flattened system of examples and outputs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg

from lintune.kernels import contrasts, flat
from lintune.solvers.arguments import (
    check_finite,
    check_positive,
    check_problem,
    is_symmetric,
    operator_norm,
)
from lintune.solvers.solver import Expansion


@dataclass(frozen=True)
class LeastSquares:
    """Least squares from the kernel to one-hot targets, the scaled pretrained answer taken off first.

    A step on training example i with dual coefficient c_i adds K[i, x]^T c_i to the outputs of x (Malladi
    et al., 2023, definition 3.3: the kernel analog), so the outputs of the training examples are K^T c, and
    the coefficients solve

        (K^T + ridge ||K|| I) c = y - offset f0.

    For a symmetric kernel this is kernel ridge regression. For an asymmetric one the transpose matters, and
    the ridge is a shift of the system that no penalty on the weights stands behind: K^T plus a multiple of
    the identity can be singular. The system is then solved for the c of least norm among those of least
    error, as it is at ridge 0.

    The targets y are the contrasts of the one-hot labels, so no constant on all classes is fitted.

    Attributes:
        ridge: Over the operator norm ||K|| of the flattened training kernel, at least 0.
        offset: Factor on the pretrained answer f0, one over the scaling of f0; 0 starts from nothing.
    """

    ridge: float
    offset: float = 0.0
    name: ClassVar[str] = "least squares"

    def __post_init__(self) -> None:
        """Refuse bad hyper-parameters."""
        check_positive("ridge", self.ridge, zero=True)
        check_finite("offset", self.offset)

    def fit(self, kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> Expansion:
        """Fit to training examples, in float64.

        Args:
            kernel: `(n, k, n, k)`, symmetric or not.
            logits: `(n, C)` pretrained logits.
            labels: `(n,)` classes from 0 to C-1.

        Raises:
            InputError: Shapes do not fit, a label is out of range, or the kernel is zero or not finite.
        """
        check_problem(kernel, logits, labels)
        basis = contrasts(logits.shape[1])
        residual = (basis[labels] - self.offset * logits @ basis).ravel()
        gram = flat(np.asarray(kernel, dtype=np.float64))
        system = gram.T + self.ridge * operator_norm(gram) * np.eye(len(gram))
        if self.ridge and is_symmetric(kernel):
            dual = linalg.solve((system + system.T) / 2, residual, assume_a="sym")
        else:
            cut = len(system) * np.finfo(float).eps
            dual = linalg.lstsq(system, residual, cond=cut, lapack_driver="gelsy")[0]
        return Expansion(basis, dual.reshape(len(labels), -1), self.offset)
