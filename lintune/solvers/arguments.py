"""What all solvers ask of their arguments, refused before any work, and the scale that they share."""

import math

import numpy as np
from scipy.sparse import linalg

from lintune.errors import InputError
from lintune.kernels import flat

# Kernels of float32 models are symmetric up to their rounding.
_ROUNDING = 1e-4


def check_problem(kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> None:
    """Refuse a kernel, logits and labels that do not belong together.

    Raises:
        InputError: Shapes do not fit, a label is out of range, or the kernel is zero or not finite.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or not np.isfinite(logits).all():
        raise InputError(f"logits of shape {logits.shape} must be (n, C) with C at least 2, and finite.")
    n, classes = logits.shape
    if kernel.shape != (n, classes - 1, n, classes - 1):
        raise InputError(
            f"kernel of shape {kernel.shape} must be {(n, classes - 1, n, classes - 1)} for these logits."
        )
    if labels.shape != (n,) or labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels must be {n} classes from 0 to {classes - 1}; got {np.unique(labels)}.")
    if not np.isfinite(kernel).all() or not kernel.any():
        raise InputError("kernel must be finite and not zero.")


def check_cross(cross: np.ndarray, logits: np.ndarray, training: tuple[int, int], name: str) -> None:
    """Refuse a kernel with new examples whose shape is not `(n, k, m, k)` or whose numbers are not finite.

    Args:
        cross: The kernel, training examples first.
        logits: `(m, k + 1)` of the new examples.
        training: n and k.
        name: What the caller calls the kernel.
    """
    n, outputs = training
    if logits.ndim != 2 or logits.shape[1] != outputs + 1:
        raise InputError(f"logits of shape {logits.shape} must be (m, {outputs + 1}).")
    expected = (n, outputs, len(logits), outputs)
    if cross.shape != expected:
        raise InputError(f"{name} must be {expected} with the training examples first; got {cross.shape}.")
    if not np.isfinite(cross).all():
        raise InputError(f"{name} must be finite.")


def check_every_class(labels: np.ndarray, classes: int, least: int = 1) -> None:
    """Refuse labels with fewer than some number of examples of a class."""
    counts = np.bincount(labels, minlength=classes)
    if counts.min() < least:
        raise InputError(
            f"labels must hold each of {classes} classes at least {least} times; got {counts.tolist()}."
        )


def check_positive(name: str, value: float, zero: bool = False) -> None:
    """Refuse a hyper-parameter that is not positive (or zero, where that is allowed) and finite."""
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise InputError(f"{name}={value} must be {'at least 0' if zero else 'positive'} and finite.")


def check_finite(name: str, value: float) -> None:
    """Refuse a hyper-parameter that is not finite."""
    if not math.isfinite(value):
        raise InputError(f"{name}={value} must be finite.")


def is_symmetric(kernel: np.ndarray) -> bool:
    """Return whether a kernel `(n, k, n, k)` is symmetric up to the rounding of float32 models."""
    gram = flat(kernel)
    return bool(np.abs(gram - gram.T).max() <= _ROUNDING * np.abs(gram).max())


def symmetric_gram(kernel: np.ndarray, solver: str) -> np.ndarray:
    """Return a kernel as a matrix `(n k, n k)`, float64 and symmetric to the last bit.

    Raises:
        InputError: The kernel is not symmetric up to rounding.
    """
    if not is_symmetric(kernel):
        raise InputError(
            f"kernel must be symmetric for {solver}; least squares and the asymmetric solver accept others."
        )
    gram = flat(np.asarray(kernel, dtype=np.float64))
    return np.asarray((gram + gram.T) / 2)


def operator_norm(gram: np.ndarray) -> float:
    """Return the largest singular value of a square matrix, by Lanczos iteration to machine precision."""
    if len(gram) == 1:
        return float(abs(gram[0, 0]))
    start = np.random.default_rng(0).normal(size=len(gram))
    return float(linalg.svds(gram, k=1, v0=start, return_singular_vectors=False)[0])
