"""What adding parameters does to a kernel: bounds on eigenvalues, condition number and ridge residual.

The kernel of more parameters is a sum, K + S: K of the parameters trained before, S of those added, both
positive semi-definite. Nothing here knows of models; the functions take matrices and return the numbers to
hold against measured ones. The proofs are in the book's chapter on adding layers.
"""

import numpy as np
from scipy import linalg

from lintune import spectrum
from lintune.errors import InputError

# Below this share of the largest eigenvalue, a negative one is the rounding of a float32 kernel.
_ROUNDING = 1e-5


def weyl(base: np.ndarray, added: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds on each eigenvalue of base + added from the eigenvalues of the two.

    They are the best of all of Weyl's inequalities, not only of those with the extreme eigenvalues of the
    added kernel: the i-th eigenvalue is at most a_j + b_(i-j+1) for every j up to i, and at least
    a_j + b_(N+i-j) for every j from i on.

    Args:
        base: `(N, N)` kernel K.
        added: `(N, N)` kernel S.

    Returns:
        Lower and upper bounds, `(N,)` each, in the descending order of the eigenvalues.
    """
    left, right = _values(base, "base"), _values(added, "added", base)
    size = len(left)
    place = np.arange(size)
    upper_pair = place[:, None] - place
    lower_pair = upper_pair + size - 1
    uppers = np.where(upper_pair >= 0, left + right[upper_pair.clip(0)], np.inf)
    lowers = np.where(lower_pair < size, left + right[lower_pair.clip(max=size - 1)], -np.inf)
    return lowers.max(axis=1), uppers.min(axis=1)


def relative_change(base: np.ndarray, added: np.ndarray, ridge: float = 0.0) -> tuple[float, float]:
    """Return the smallest and the largest relative change of K + ridge I by S.

    They are the extreme eigenvalues, low and high, of A^-1/2 S A^-1/2 with A = K + ridge I. Each eigenvalue
    of A grows by a factor from 1 + low to 1 + high, and so does every quadratic form.

    Args:
        base: `(N, N)` kernel K; positive definite where there is no ridge.
        added: `(N, N)` kernel S.
        ridge: Ridge, at least 0.

    Raises:
        InputError: Shapes do not fit, a matrix is not positive semi-definite, or K + ridge I is singular,
            so that a change of it can have any relative size.
    """
    if not ridge >= 0:
        raise InputError(f"ridge={ridge} must not be negative.")
    values = _values(base, "base") + ridge
    _values(added, "added", base)
    if not values[-1] > len(values) * np.finfo(float).eps * values[0]:
        raise InputError("base is singular: no change of it is relatively small. Give a ridge.")
    changes = linalg.eigh(_symmetric(added), _shifted(base, ridge), eigvals_only=True)
    return max(0.0, float(changes[0])), max(0.0, float(changes[-1]))


def condition_bound(base: np.ndarray, added: np.ndarray) -> float:
    """Return the mediant (a_1 + b_1) / (a_N + b_N), which the condition number of the sum cannot exceed.

    It lies between the condition numbers of the two, so it may be above or below that of the base; it is
    infinite where both are singular.

    Args:
        base: `(N, N)` kernel K with eigenvalues a, descending.
        added: `(N, N)` kernel S with eigenvalues b.
    """
    left, right = _values(base, "base"), _values(added, "added", base)
    largest, smallest = left[0] + right[0], left[-1] + right[-1]
    rounding = len(left) * np.finfo(float).eps * largest
    return float(largest / smallest) if smallest > rounding else float("inf")


def ridge_residual(gram: np.ndarray, targets: np.ndarray, ridge: float) -> float:
    """Return what kernel ridge regression leaves of its targets, ||ridge (K + ridge I)^-1 y||.

    Args:
        gram: `(N, N)` kernel K.
        targets: `(N,)` targets y.
        ridge: Ridge in the units of the kernel, positive.
    """
    return float(np.linalg.norm(ridge * _dual(gram, targets, ridge)))


def ridge_objective(gram: np.ndarray, targets: np.ndarray, ridge: float) -> float:
    """Return the least value of the regularised loss, ridge/2 y^T (K + ridge I)^-1 y.

    It is the minimum of 1/2 ||J d - y||^2 + ridge/2 ||d||^2 with K = J J^T, and never rises when a kernel is
    added.

    Args:
        gram: `(N, N)` kernel K.
        targets: `(N,)` targets y.
        ridge: Ridge in the units of the kernel, positive.
    """
    return float(ridge / 2 * (targets @ _dual(gram, targets, ridge)))


def residual_ratio_bounds(base: np.ndarray, added: np.ndarray, ridge: float) -> tuple[float, float]:
    """Return bounds on the ridge residual with K + S over that with K, whatever the targets.

    With A = K + ridge I there are two pairs of bounds, of which the tighter ends are returned. The first
    needs the norm of A^-1 S alone; the second, `residual_ratio_from`, the condition number of A and the
    relative change.

    Args:
        base: `(N, N)` kernel K.
        added: `(N, N)` kernel S.
        ridge: Ridge in the units of the kernels, positive.

    Returns:
        The lower and the upper bound. The upper is above 1 unless A is a multiple of the identity or S is
        zero: adding can raise the residual.
    """
    _check_ridge(ridge)
    values = _values(base, "base")
    _, change = relative_change(base, added, ridge)
    lower, upper = residual_ratio_from((values[0] + ridge) / (values[-1] + ridge), change)
    moved = float(np.linalg.norm(_moved(base, added, ridge), 2))
    return max(lower, 1 / (1 + moved)), min(upper, 1 / (1 - moved) if moved < 1 else np.inf)


def residual_ratio_from(condition: float, change: float) -> tuple[float, float]:
    """Return the sharp bounds on the ratio of ridge residuals that two numbers allow.

    With p = 1 / (1 + change) and t = (1 - p) (condition - 1) / (2 sqrt(condition)), the ratio lies between
    p / s and s, where s = (sqrt((1 + p)^2 + t^2) + sqrt((1 - p)^2 + t^2)) / 2. For every condition and change
    there are kernels and targets that attain either end.

    Args:
        condition: Condition number of A = K + ridge I, at least 1.
        change: Largest eigenvalue of A^-1/2 S A^-1/2, at least 0; may be infinite.
    """
    if not condition >= 1:
        raise InputError(f"condition={condition} must be at least 1.")
    if not change >= 0:
        raise InputError(f"change={change} must not be negative.")
    kept = 1 / (1 + change)
    slant = (1 - kept) * (condition - 1) / (2 * np.sqrt(condition))
    upper = (np.hypot(1 + kept, slant) + np.hypot(1 - kept, slant)) / 2
    return float(kept / upper), float(upper)


def residual_ratio_range(base: np.ndarray, added: np.ndarray, ridge: float) -> tuple[float, float]:
    """Return the least and the greatest ratio of ridge residuals over all targets, for these two kernels.

    No bound that does not look at the targets can be tighter: they are the inverse extreme singular values
    of I + (K + ridge I)^-1 S.

    Args:
        base: `(N, N)` kernel K.
        added: `(N, N)` kernel S.
        ridge: Ridge in the units of the kernels, positive.
    """
    _check_ridge(ridge)
    _values(base, "base")
    _values(added, "added", base)
    values = linalg.svdvals(np.eye(len(base)) + _moved(base, added, ridge))
    return float(1 / values[0]), float(1 / values[-1])


def objective_ratio_range(base: np.ndarray, added: np.ndarray, ridge: float) -> tuple[float, float]:
    """Return the least and the greatest ratio of optimal regularised losses over all targets, at most 1.

    Args:
        base: `(N, N)` kernel K.
        added: `(N, N)` kernel S.
        ridge: Ridge in the units of the kernels, positive.
    """
    _check_ridge(ridge)
    low, high = relative_change(base, added, ridge)
    return 1 / (1 + high), 1 / (1 + low)


def _moved(base: np.ndarray, added: np.ndarray, ridge: float) -> np.ndarray:
    """Return (K + ridge I)^-1 S, `(N, N)`, which is not symmetric."""
    return np.asarray(linalg.solve(_shifted(base, ridge), _symmetric(added), assume_a="pos"))


def _dual(gram: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    _check_ridge(ridge)
    _values(gram, "gram")
    if targets.shape != (len(gram),):
        raise InputError(f"targets of shape {targets.shape} must be {(len(gram),)}, as the kernel has it.")
    return np.asarray(linalg.solve(_shifted(gram, ridge), targets, assume_a="pos"))


def _shifted(gram: np.ndarray, ridge: float) -> np.ndarray:
    return _symmetric(gram) + ridge * np.eye(len(gram))


def _symmetric(gram: np.ndarray) -> np.ndarray:
    return np.asarray((gram + gram.T) / 2, dtype=float)


def _values(gram: np.ndarray, name: str, like: np.ndarray | None = None) -> np.ndarray:
    """Return the eigenvalues, descending and not negative, of a kernel that must be one."""
    if not np.isfinite(gram).all():
        raise InputError(f"{name} must be finite numbers.")
    if like is not None and gram.shape != like.shape:
        raise InputError(f"{name} of shape {gram.shape} must be {like.shape}, as the other kernel.")
    if gram.size == 0:
        raise InputError(f"{name} of shape {gram.shape} must not be empty.")
    values = spectrum.eigenvalues(gram)
    if values[-1] < -_ROUNDING * max(values[0], 0.0):
        raise InputError(
            f"{name} must be positive semi-definite; its eigenvalues go from {values[0]:.3g} to "
            f"{values[-1]:.3g}."
        )
    return values.clip(0)


def _check_ridge(ridge: float) -> None:
    if not ridge > 0 or not np.isfinite(ridge):
        raise InputError(f"ridge={ridge} must be positive.")
