"""The least-squares support vector machine for asymmetric kernels."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg

from lintune.errors import InputError
from lintune.kernels import contrasts, flat
from lintune.solvers.arguments import (
    check_cross,
    check_every_class,
    check_positive,
    check_problem,
    is_symmetric,
    operator_norm,
)


@dataclass(frozen=True)
class FittedAsymmetric:
    """One pair of functions per class, one along each direction of the kernel.

    Attributes:
        units: `(C, k)` unit contrast of each class against the others.
        forward: `(n, C)` coefficients alpha_i y_i on K(x_i, x).
        backward: `(n, C)` coefficients beta_i y_i on K(x, x_i).
        mix: Weight of the forward function.
        symmetric: Whether the training kernel is symmetric, so that one direction tells the other.
    """

    units: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    mix: float
    symmetric: bool

    def scores(self, cross: np.ndarray, logits: np.ndarray, flipped: np.ndarray | None = None) -> np.ndarray:
        """Return class scores `(m, C)`; the largest is the prediction.

        Args:
            cross: `(n, k, m, k)` kernel between training and new examples.
            logits: `(m, C)` of the new examples; only their shape is read.
            flipped: `(m, k, n, k)` the same with the new examples as rows. Not needed where `mix` is 1, nor
                after a symmetric training kernel: it is the transpose of `cross` then.

        Raises:
            InputError: Shapes do not fit, a kernel is not finite, or `flipped` is needed and missing.
        """
        check_cross(cross, logits, (len(self.forward), self.units.shape[1]), "cross")
        ahead = _along(cross, self.units, self.forward)
        if self.mix == 1:
            return ahead
        back = _along(self._turned(cross, flipped), self.units, self.backward)
        return self.mix * ahead + (1 - self.mix) * back

    def _turned(self, cross: np.ndarray, flipped: np.ndarray | None) -> np.ndarray:
        """Return the flipped kernel with training examples first."""
        if flipped is None:
            if not self.symmetric:
                raise InputError(f"flipped is needed at mix={self.mix} after an asymmetric training kernel.")
            return cross
        m, n, k = cross.shape[2], *self.forward.shape[:1], self.units.shape[1]
        if flipped.shape != (m, k, n, k) or not np.isfinite(flipped).all():
            raise InputError(f"flipped of shape {flipped.shape} must be {(m, k, n, k)} and finite.")
        return flipped.transpose(2, 3, 0, 1)


@dataclass(frozen=True)
class Asymmetric:
    """The asymmetric least-squares support vector machine (He et al., 2022), one class against the rest.

    The kernel is that of two feature maps, K(x, x') = <s(x), t(x')>, and two functions are fitted together,
    <w, s(x)> and <v, t(x)>: a stationary point of

        <w, v> + gamma/2 sum_i (1 - y_i <w, s(x_i)>)^2 + gamma/2 sum_i (1 - y_i <v, t(x_i)>)^2

    over w and v. With H_ij = y_i K(x_i, x_j) y_j it is w = sum_i beta_i y_i t(x_i) and
    v = sum_i alpha_i y_i s(x_i), where

        [[I/gamma, H], [H^T, I/gamma]] [alpha; beta] = 1.

    New examples get mix sum_i alpha_i y_i K(x_i, x) + (1 - mix) sum_i beta_i y_i K(x, x_i). There is no
    intercept: the authors of the method have one in each function, the released code of Malladi et al. (2023)
    has none. Equal weights are the authors', who add the two functions; that code weighs them.

    The eigenvalues of the system are 1/gamma + s and 1/gamma - s over the singular values s of H. Below
    gamma = 1 (in the units of the attribute) all are positive; above, the point is a saddle, and the system
    can come arbitrarily near to a singular one. Where it is singular, the solution of least norm is taken.
    For a symmetric positive semidefinite kernel alpha = beta = (I/gamma + H)^-1 1, without that danger.

    The scalar kernel of class c is that of the output "logit c minus the mean of the others", scaled to a
    unit contrast u_c: u_c^T K u_c. Two classes have one such kernel, and scores of opposite signs.

    The pretrained answer f0 is not used: the targets are signs.

    Attributes:
        gamma: Weight of the errors, for the kernel over the operator norm of the flattened training kernel;
            positive.
        mix: Weight, from 0 to 1, of the function along K(x_i, x): what a step on example i does to x.
    """

    gamma: float
    mix: float = 0.5
    name: ClassVar[str] = "asymmetric"

    def __post_init__(self) -> None:
        """Refuse bad hyper-parameters."""
        check_positive("gamma", self.gamma)
        if not 0 <= self.mix <= 1:
            raise InputError(f"mix={self.mix} must be from 0 to 1.")

    def fit(self, kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> FittedAsymmetric:
        """Fit to training examples, in float64.

        Args:
            kernel: `(n, k, n, k)`, symmetric or not; rows are s, columns t.
            logits: `(n, C)`; only their shape is read.
            labels: `(n,)` classes from 0 to C-1, each at least once.

        Raises:
            InputError: Shapes do not fit, a label is out of range, a class has no example, or the kernel is
                zero or not finite.
        """
        check_problem(kernel, logits, labels)
        classes = logits.shape[1]
        check_every_class(labels, classes)
        kernel = np.asarray(kernel, dtype=np.float64)
        basis = contrasts(classes)
        units = basis / np.linalg.norm(basis, axis=1, keepdims=True)
        shift = operator_norm(flat(kernel)) / self.gamma
        found = [
            saddle(_scalar(kernel, unit), np.where(labels == label, 1.0, -1.0), shift)
            for label, unit in enumerate(units)
        ]
        forward, backward = (np.stack(each, axis=1) for each in zip(*found, strict=True))
        return FittedAsymmetric(units, forward, backward, self.mix, is_symmetric(kernel))


def saddle(kernel: np.ndarray, signs: np.ndarray, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Solve [[shift I, H], [H^T, shift I]] [alpha; beta] = 1 with H_ij = y_i K_ij y_j.

    With the singular value decomposition K = U S V^T, the system falls apart into one for each sum, and one
    for each difference, of the coordinates of y alpha along U and of y beta along V:
    (shift + s) (a + b) = p + q and (shift - s) (a - b) = p - q, where p = U^T y and q = V^T y. An equation
    whose factor is zero up to rounding is left out, which gives the solution of least norm.

    Args:
        kernel: `(n, n)` K.
        signs: `(n,)` y, 1 or -1.
        shift: 1/gamma, positive.

    Returns:
        `(n,)` alpha_i y_i and `(n,)` beta_i y_i.
    """
    left, values, right = linalg.svd(kernel)
    on_left, on_right = left.T @ signs, right @ signs
    factors = shift - values
    away = np.abs(factors) > 2 * len(values) * np.finfo(float).eps * (shift + values[0])
    total = (on_left + on_right) / (shift + values)
    difference = np.divide(on_left - on_right, factors, out=np.zeros_like(factors), where=away)
    return left @ (total + difference) / 2, right.T @ (total - difference) / 2


def _scalar(kernel: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return the kernel `(n, m)` of one combination of the outputs."""
    return np.asarray(np.einsum("icjd,c,d->ij", kernel, unit, unit, optimize=True))


def _along(kernel: np.ndarray, units: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """Return sum_i dual[i, c] K_c(x_i, x) of each class, `(m, C)`."""
    found = [dual[:, label] @ _scalar(kernel, unit) for label, unit in enumerate(units)]
    return np.stack(found, axis=1)
