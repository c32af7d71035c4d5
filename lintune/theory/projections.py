"""How far a random projection moves a kernel: LoRA at B = 0, with A of any of several distributions.

LoRA replaces <G_i, G_j> by s^2 <G_i A^T, G_j A^T>, s = alpha / r. With independent entries of mean 0 and
variance v, its mean is s^2 r v <G_i, G_j>. What follows is about the kernel divided by s^2 r v. The proofs
are in the book's chapter on LoRA's kernel.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize

from lintune.errors import InputError, unknown_name
from lintune.theory.moments import Moments

# Fourth moment of an entry over the square of its variance, where entries are independent.
KURTOSIS = {"gaussian": 3.0, "uniform": 1.8, "signs": 1.0, "sparse signs": 3.0}


def expected_factor(alpha: float, rank: int, width: int) -> float:
    """Return the factor on a layer's kernel that LoRA's has in the mean, alpha^2 / (3 r d).

    Args:
        alpha: Scale; the change enters as alpha / r.
        rank: Rank r.
        width: d, the layer's number of inputs; entries of A have variance 1 / (3 d), as is usual.
    """
    _positive(alpha=alpha, rank=rank, width=width)
    return alpha**2 / (3 * rank * width)


def unbiased_alpha(rank: int, width: int) -> float:
    """Return the alpha at which LoRA's kernel has that of the weights as its mean, sqrt(3 r d)."""
    _positive(rank=rank, width=width)
    return math.sqrt(3 * rank * width)


def projected_variance(moments: Moments, rank: int, distribution: str) -> np.ndarray:
    """Return the variance of each entry of a projected kernel, exactly.

    For independent entries of kurtosis q, (||M||^2 + <M, M^T> + (q - 3) sum_m M_mm^2) / r. For orthonormal
    rows, (||M||^2 + <M, M^T> - 2 (tr M)^2 / d) / r times d (d - r) / ((d - 1)(d + 2)).

    Args:
        moments: Of M = G_i^T G_j, for N gradients.
        rank: Rank r, at most d for orthonormal rows.
        distribution: Of A, by its name in `lintune.methods.draws.DOWN`.

    Returns:
        `(N, N)`. Layers with independent A add up.

    Raises:
        InputError: The distribution is not known, or the rank too large.
    """
    _positive(rank=rank)
    both = moments.square + moments.transposed
    if distribution == "orthonormal":
        width = moments.width
        if rank > width:
            raise InputError(f"rank={rank} exceeds the {width} columns; orthonormal rows do not exist.")
        if width == 1:
            return np.zeros_like(both)
        shrunk = width * (width - rank) / ((width - 1) * (width + 2))
        return np.maximum(both - 2 * moments.trace**2 / width, 0) * shrunk / rank
    if distribution not in KURTOSIS:
        raise unknown_name("distribution", distribution, [*KURTOSIS, "orthonormal"])
    return np.maximum(both + (KURTOSIS[distribution] - 3) * moments.diagonal, 0) / rank


def effective_rank(moments: Moments) -> np.ndarray:
    """Return ||G||_F^4 / ||G^T G||_F^2 of each gradient `(N,)`: 1 for an outer product, at most the rank.

    With Gaussian A the variance of an example's own entry is 2 K_ii^2 / r over it.
    """
    return np.asarray(np.diag(moments.trace) ** 2 / np.diag(moments.square))


def known_tail(epsilon: float, rank: int, count: int) -> float:
    """Return 4 N^2 exp(-(e^2 - e^3) r / 4), the Johnson-Lindenstrauss tail in its usual form.

    It bounds the probability that any of N^2 entries is off by c^2 e or more, where c^2 is the largest
    entry. It is below 1 for no e at all unless the rank exceeds 27 ln(4 N^2).

    Args:
        epsilon: e, positive.
        rank: Rank r.
        count: N.
    """
    _positive(epsilon=epsilon, rank=rank, count=count)
    exponent = (epsilon**3 - epsilon**2) * rank / 4
    return 4 * count**2 * math.exp(exponent) if exponent < 700 else math.inf


def projection_tail(epsilon: float, rank: int, count: int) -> float:
    """Return N^2 (U + L), a sharper bound on the same probability.

    U = exp(-r (e - ln(1 + e)) / 2) and L = exp(-r (e^2/4 - 3 e^3/16 + 9 e^4/128)) up to e = 1, 0 beyond. It
    holds for entries that are independent and strictly sub-Gaussian, E exp(t a) <= exp(t^2 v / 2), and for
    orthonormal rows; for one layer and for sums over layers. It is never above half of `known_tail`.

    Args:
        epsilon: e, positive.
        rank: Rank r.
        count: N.
    """
    _positive(epsilon=epsilon, rank=rank, count=count)
    upper = math.exp(-rank * (epsilon - math.log1p(epsilon)) / 2)
    exponent = epsilon**2 / 4 - 3 * epsilon**3 / 16 + 9 * epsilon**4 / 128
    lower = math.exp(-rank * exponent) if epsilon <= 1 else 0.0
    return count**2 * (upper + lower)


def tail_radius(
    probability: float, rank: int, count: int, tail: Callable[[float, int, int], float] = projection_tail
) -> float:
    """Return the smallest e from which on a tail is at most `probability`; infinite where there is none.

    Args:
        probability: Between 0 and 1.
        rank: Rank r.
        count: N.
        tail: `projection_tail` or `known_tail`. The latter falls up to e = 2/3 only, and e is not sought
            beyond.
    """
    if not 0 < probability < 1:
        raise InputError(f"probability={probability} must be between 0 and 1.")
    # projection_tail falls on either side of e = 1, where its second part ends.
    ends = [2 / 3] if tail is known_tail else [1.0, 2.0 ** np.ceil(np.log2(16 * count / probability + 16))]
    start = 1e-9
    for end in ends:
        if tail(end, rank, count) <= probability:
            if tail(start, rank, count) <= probability:
                return float(start)
            return float(optimize.brentq(lambda e: tail(e, rank, count) - probability, start, end))
        start = np.nextafter(end, np.inf)
    return math.inf


def entry_radius(variances: Sequence[np.ndarray] | np.ndarray, rank: int, probability: float) -> np.ndarray:
    """Return by how much each entry of a kernel may be off, all of them at once.

    For Gaussian A, and for orthonormal rows with the variances of Gaussian A, which dominate theirs.

    Entry (i, j) is off by more than sqrt(2 x V) + x b with probability at most 2 exp(-x), where V is its
    variance and b = sqrt(2 / r) times its largest standard deviation in a layer. x is such that all
    N (N + 1) / 2 entries hold together.

    Args:
        variances: `(L, N, N)`, as `projected_variance` returns them for L layers with independent A.
        rank: Rank r.
        probability: That any entry is off by more, between 0 and 1.

    Returns:
        `(N, N)` radii.
    """
    _positive(rank=rank)
    if not 0 < probability < 1:
        raise InputError(f"probability={probability} must be between 0 and 1.")
    by_layer = np.asarray(variances, dtype=float)
    if by_layer.ndim != 3 or by_layer.shape[1] != by_layer.shape[2]:
        raise InputError(f"variances of shape {by_layer.shape} must be (L, N, N).")
    count = by_layer.shape[1]
    x = math.log(count * (count + 1) / probability)
    steepest = np.sqrt(2 * by_layer.max(axis=0) / rank)
    return np.asarray(np.sqrt(2 * x * by_layer.sum(axis=0)) + x * steepest)


def _positive(**given: float) -> None:
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}={value} must be positive and finite.")
