"""What the eigenvalues of a kernel say: rates, effective dimension, alignment with the labels."""

import numpy as np
from scipy import linalg

from lintune.errors import InputError


def eigenvalues(gram: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of a symmetric Gram matrix `(N, N)`, descending, float64.

    Raises:
        InputError: The matrix is not square or not symmetric to rounding.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise InputError(f"gram of shape {gram.shape} must be square.")
    scale = np.abs(gram).max(initial=0.0)
    if np.abs(gram - gram.T).max(initial=0.0) > 1e-4 * scale:
        raise InputError("gram must be symmetric; asymmetric kernels have no spectrum in this sense.")
    return np.asarray(linalg.eigvalsh((gram + gram.T) / 2)[::-1])


def condition_number(gram: np.ndarray) -> float:
    """Return the largest eigenvalue over the smallest; infinite for a singular matrix."""
    values = eigenvalues(gram)
    # An eigenvalue below the rounding of the largest is zero for all that float64 can tell.
    smallest = values[-1] if values[-1] > len(values) * np.finfo(float).eps * values[0] else 0.0
    return float(values[0] / smallest) if smallest else float("inf")


def effective_dimension(gram: np.ndarray, ridge: float) -> float:
    """Return the sum of e / (e + ridge) over the eigenvalues e: how many directions a ridge leaves free.

    Args:
        gram: `(N, N)` symmetric Gram matrix.
        ridge: Ridge, in the units of the Gram matrix, positive.
    """
    if not ridge > 0:
        raise InputError(f"ridge={ridge} must be positive.")
    values = np.clip(eigenvalues(gram), 0, None)
    return float((values / (values + ridge)).sum())


def alignment(kernel: np.ndarray, other: np.ndarray) -> float:
    """Return the centred alignment of two kernels, from -1 to 1.

    It is the cosine between the centred matrices (Cortes, Mohri and Rostamizadeh, 2012); with the
    kernel of the labels as the other one it says how far similar gradients go with equal labels.

    Args:
        kernel: `(n, n)`.
        other: `(n, n)`.
    """
    if kernel.shape != other.shape or kernel.ndim != 2:
        raise InputError(
            f"kernels of shapes {kernel.shape} and {other.shape} must be square and of one size."
        )
    left, right = (_centred(matrix) for matrix in (kernel, other))
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float((left * right).sum() / norms) if norms else 0.0


def example_kernel(kernel: np.ndarray) -> np.ndarray:
    """Return `(n, m)`, the trace over outputs of a kernel `(n, k, m, k)`."""
    return np.asarray(np.einsum("icjc->ij", kernel))


def label_kernel(labels: np.ndarray) -> np.ndarray:
    """Return the kernel of the labels, 1 where two examples share their class: `(n, n)`."""
    return (labels[:, None] == labels[None, :]).astype(float)


def _centred(matrix: np.ndarray) -> np.ndarray:
    rows = matrix - matrix.mean(axis=0)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))
