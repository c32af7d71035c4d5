"""Two statements of algebra, checked on matrices drawn by seed: no record is needed for them."""

import numpy as np
import torch

from lintune.claims.cases import ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence
from lintune.claims.papers import DECOMPOSITION
from lintune.studies.decomposition import best_scale
from lintune.words import several

SEEDS = range(5)
_SHAPE = (6, 9)
_ROUNDING = 1e-10


@claim(
    paper=DECOMPOSITION,
    where="Reconstruction, mode 2",
    known=Known.TEXT,
    statement="Scaling in the column space, U D Σ D′ Vᵀ, changes nothing but the singular values.",
    chapter="decomposition",
    section="Three families",
)
def column_space_scaling_keeps_directions(_: Evidence) -> Finding:
    """Holds if weight and scaled weight have the same singular directions, on 5 matrices drawn by seed.

    They do if W Wᵀ commutes with the scaled one, and Wᵀ W too, up to rounding. Scaling rows and columns of W
    must fail the same test each time; where it does not, the test says nothing, and the claim does not hold.
    """
    inside, outside = zip(*map(_turned, SEEDS), strict=True)
    holds = max(inside) < _ROUNDING < min(outside)
    return ranged(
        Verdict.HOLDS if holds else Verdict.FAILS,
        "norm of the commutator over that of the product, the largest",
        inside,
        f"range over {several(len(SEEDS), 'draw')}",
        by="max",
    )


@claim(
    paper=DECOMPOSITION,
    where="Extension, the scale s",
    known=Known.TEXT,
    statement="The best scale of a given change ΔW is ⟨W* − W, ΔW⟩ / ‖ΔW‖², in the Frobenius norm.",
    chapter="decomposition",
    section="Three families",
)
def best_scale_is_the_projection(_: Evidence) -> Finding:
    """Holds if the formula gives the scale that a least-squares solver finds, on 5 pairs drawn by seed."""
    apart = [_scale_apart(seed) for seed in SEEDS]
    return ranged(
        Verdict.HOLDS if max(apart) < _ROUNDING else Verdict.FAILS,
        "relative difference between formula and solver, the largest",
        apart,
        f"range over {several(len(SEEDS), 'draw')}",
        by="max",
    )


def _turned(seed: int) -> tuple[float, float]:
    """Return how far directions are turned by scaling in the column space, and of rows and columns."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=_SHAPE)
    u, s, vt = np.linalg.svd(weight, full_matrices=False)
    left, right, outer, inner = (rng.uniform(0.5, 2.0, size=n) for n in (len(s), len(s), *_SHAPE))
    return (
        _commutator(weight, u * (left * s * right) @ vt),
        _commutator(weight, outer[:, None] * weight * inner),
    )


def _commutator(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far W Wᵀ, and Wᵀ W, of two matrices are from commuting, over the product: the larger."""
    grams = ((one @ one.T, other @ other.T), (one.T @ one, other.T @ other))
    return max(float(np.linalg.norm(a @ b - b @ a) / np.linalg.norm(a @ b)) for a, b in grams)


def _scale_apart(seed: int) -> float:
    """Return the relative difference of the formula's scale and a solver's, on matrices drawn by seed."""
    rng = np.random.default_rng(seed)
    target, change = rng.normal(size=(2, *_SHAPE))
    solved = float(np.linalg.lstsq(change.reshape(-1, 1), target.ravel(), rcond=None)[0][0])
    return abs(best_scale(torch.as_tensor(target), torch.as_tensor(change)) - solved) / abs(solved)
