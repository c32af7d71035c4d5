"""Multinomial logistic regression in the tangent space of the pretrained model."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg, special

from lintune.errors import DivergedError
from lintune.kernels import contrasts
from lintune.regression.arguments import check_semidefinite
from lintune.solvers.arguments import check_finite, check_positive, check_problem, symmetric_gram
from lintune.solvers.solver import Expansion

# Newton's method ends when its next step moves no difference of two logits by more than this, or than the
# rounding of the gradient, which the pull divides.
_TOLERANCE = 1e-9
_ROUNDING = 1e3 * np.finfo(float).eps
_STEPS = 2000


@dataclass(frozen=True)
class Logistic:
    """Cross-entropy of the linear model, with a pull of its weights to the start.

    It minimises over the weights of the linear model, w = theta - theta0,

        sum_i cross-entropy(offset f0(x_i) + J(x_i) w, y_i) + strength ||K|| / 2 ||w||^2,

    summed, not averaged, over the training examples. Its optimum is w = J^T a, with the penalty
    strength ||K|| / 2 a^T K a, for the whole kernel K = J J^T of examples and outputs.

    Attributes:
        strength: Of the pull, over the operator norm ||K|| of the flattened training kernel; positive. Since
            the cross-entropy bends by at most 1/2 along any unit vector of logits, the condition number of
            the problem is at most 1 + 1 / (2 strength).
        offset: Factor on the pretrained answer f0; 1 keeps it, 0 starts from equal probabilities.
    """

    strength: float
    offset: float = 0.0
    name: ClassVar[str] = "logistic"

    def __post_init__(self) -> None:
        """Refuse bad hyper-parameters."""
        check_positive("strength", self.strength)
        check_finite("offset", self.offset)

    def fit(self, kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> Expansion:
        """Fit to training examples, in float64.

        Args:
            kernel: `(n, k, n, k)`, symmetric and positive semidefinite up to rounding.
            logits: `(n, C)` pretrained logits.
            labels: `(n,)` classes from 0 to C-1.

        Raises:
            InputError: Shapes do not fit, a label is out of range, or the kernel is zero, not finite, not
                symmetric or not positive semidefinite.
            DivergedError: Newton's method has not converged.
        """
        check_problem(kernel, logits, labels)
        values, vectors = linalg.eigh(symmetric_gram(kernel, self.name))
        check_semidefinite(values)
        norm, basis = values[-1], contrasts(logits.shape[1])
        kept = values > len(values) * np.finfo(float).eps * norm
        features = vectors[:, kept] * np.sqrt(values[kept] / norm)
        problem = _Problem(features, self.offset * logits @ basis, basis[labels], basis, self.strength)
        dual = vectors[:, kept] @ (problem.optimum() / np.sqrt(values[kept] * norm))
        return Expansion(basis, dual.reshape(len(labels), -1), self.offset)


@dataclass(frozen=True)
class _Problem:
    """Logistic regression on explicit features, whose largest singular value is 1.

    Attributes:
        features: `(n k, r)`.
        start: `(n, k)` outputs at weights 0.
        targets: `(n, k)` contrasts of the one-hot labels.
        basis: `(C, k)` contrasts.
        strength: Of the pull to 0.
    """

    features: np.ndarray
    start: np.ndarray
    targets: np.ndarray
    basis: np.ndarray
    strength: float

    def optimum(self) -> np.ndarray:
        """Return the weights `(r,)` of least objective.

        By Newton's method with steps cut to log(1 + b) / b, where b is the largest change that the full step
        makes to a difference of two logits. The third derivative of the log-sum-exp along a step is at most
        b times the second, so cut steps go down from anywhere, without a search along the line, and near the
        optimum they are full (generalised self-concordance: Bach, 2010; Sun and Tran-Dinh, 2019).
        """
        weights = np.zeros(self.features.shape[1])
        enough = max(_TOLERANCE, _ROUNDING / self.strength)
        for _ in range(_STEPS):
            step = self._step(weights)
            change = float(np.ptp(self._logits(self._outputs(step)), axis=1).max())
            if change <= enough:
                return weights + step
            weights += step * np.log1p(change) / change
        raise DivergedError(
            f"Logistic regression of strength={self.strength} is at no optimum after {_STEPS} steps."
        )

    def _step(self, weights: np.ndarray) -> np.ndarray:
        """Return Newton's step `(r,)`."""
        outputs = self.start + self._outputs(weights)
        probabilities = special.softmax(self._logits(outputs), axis=1)
        mean = probabilities @ self.basis
        gradient = self.strength * weights - self.features.T @ (self.targets - mean).ravel()
        bend = np.einsum("ic,ca,cb->iab", probabilities, self.basis, self.basis)
        bend -= mean[:, :, None] * mean[:, None]
        bent = bend @ self.features.reshape(*mean.shape, -1)
        hessian = self.features.T @ bent.reshape(self.features.shape) + self.strength * np.eye(len(weights))
        return np.asarray(-linalg.solve(hessian, gradient, assume_a="pos"))

    def _outputs(self, weights: np.ndarray) -> np.ndarray:
        return (self.features @ weights).reshape(self.start.shape)

    def _logits(self, outputs: np.ndarray) -> np.ndarray:
        return outputs @ self.basis.T
