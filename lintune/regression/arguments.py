"""What the functions of this room ask of their arguments, refused before any work."""

import math

import numpy as np

from lintune.errors import InputError

# Kernels of float32 models are symmetric and positive semidefinite up to their rounding.
_ROUNDING = 1e-4


def symmetric(gram: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return a Gram matrix `(N, N)` as float64, symmetric to the last bit.

    Raises:
        InputError: It is not square, finite and symmetric up to rounding, or the residual is not `(N,)` and
            finite.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not len(gram):
        raise InputError(f"gram of shape {gram.shape} must be square and not empty.")
    if residual.shape != (len(gram),):
        raise InputError(f"residual of shape {residual.shape} must be {(len(gram),)}, as gram has it.")
    for name, values in (("gram", gram), ("residual", residual)):
        if not np.isfinite(values).all():
            raise InputError(f"{name} must be finite; {(~np.isfinite(values)).sum()} of its numbers are not.")
    matrix = np.asarray(gram, dtype=np.float64)
    if np.abs(matrix - matrix.T).max() > _ROUNDING * np.abs(matrix).max():
        raise InputError("gram must be symmetric; an asymmetric kernel is not that of a linear model.")
    return np.asarray((matrix + matrix.T) / 2)


def check_cross(cross: np.ndarray, size: int) -> None:
    """Refuse a kernel with other outputs that is not `(N, M)` and finite."""
    if cross.ndim != 2 or len(cross) != size or not np.isfinite(cross).all():
        raise InputError(f"cross of shape {cross.shape} must be ({size}, M) and finite.")


def check_strength(strength: float, zero: bool = False) -> None:
    """Refuse a pull that is not positive (or zero, where that is allowed) and finite."""
    if not math.isfinite(strength) or strength < 0 or (strength == 0 and not zero):
        raise InputError(f"strength={strength} must be {'at least 0' if zero else 'positive'} and finite.")


def check_semidefinite(values: np.ndarray) -> None:
    """Refuse eigenvalues that are negative beyond rounding."""
    if values.min() < -_ROUNDING * np.abs(values).max():
        raise InputError(
            f"gram must be positive semidefinite; its eigenvalues go from {values.min():.3g} to "
            f"{values.max():.3g}."
        )
