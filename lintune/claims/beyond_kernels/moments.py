"""What needs no descent: the variance of the gradient, u from one mean, and c once u is known."""

import numpy as np

from lintune.claims.beyond_kernels.reading import RECOVERY, setting, times
from lintune.claims.cases import clauses, over, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import BEYOND_KERNELS
from lintune.teacher import bounds
from lintune.words import several

# Distances 1 − |m| below which the error of theorem 36's features is a power of the distance.
_CLOSE = 0.02
# How far below 1 that power may be.
_SLACK = 0.05
# Standard errors within which a mean is what is predicted.
_ERRORS = 3.0


@claim(
    paper=BEYOND_KERNELS,
    where="Lemma 17",
    known=Known.TEXT,
    statement="The variance of the gradient is at most of the order λ⁴ k³ ξ² min{k, 4ξ²} / (k + ξ²).",
    chapter="recovery",
    section="Against $k$",
)
def gradient_variance_is_bounded(evidence: Evidence) -> Finding:
    """Holds if the variance over the bound does not grow from the least k to the largest, in any case.

    The lemma leaves its constant open, so that growth alone can refute it. Cases are ξ = 1 and ξ = √k for
    each activation; the median over instances counts, λ being 1. Fails if it grows in every case; else
    the cases in which it does not are named.
    """
    rows = times(part(evidence.result(RECOVERY), "width"), "activation", "law", "width", "xi", "variance")
    sizes = zip(rows.width.astype(int), rows.xi.astype(float), strict=True)
    bound = np.array([bounds.gradient_variance(width, xi) for width, xi in sizes])
    rows = rows.assign(share=rows.variance.to_numpy(dtype=float) / bound)
    growth = {}
    for (law, sigma), each in rows.groupby(["law", "activation"], sort=False):
        by_width = each.groupby("width").share.median().sort_index()
        if len(by_width) > 1:
            growth[setting(str(law), str(sigma))] = float(by_width.iloc[-1] / by_width.iloc[0])
    verdict, condition = over({name: each <= 1 for name, each in growth.items()})
    return ranged(
        verdict,
        f"variance over the bound at k = {rows.width.max()}, over the same at k = {rows.width.min()}, median",
        growth.values(),
        f"range over {several(len(growth), 'case')}",
        condition,
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Remark 14",
    known=Known.TEXT,
    statement="For ReLU one mean shows u without descent: E x(f_θ₀ − f_θ) = μ₁ Σ λᵢcᵢ u.",
    chapter="recovery",
    section="Without descent",
)
def one_mean_shows_u(evidence: Evidence) -> Finding:
    """Holds if the drawn mean is the printed one, with its sign.

    The mean along u is fitted by a factor times μ₁ Σ λᵢcᵢ ξ/√(1 + ξ²/k), rows being brought back to norm
    1, over all instances of ReLU. Within three standard errors the factor must be −1 for the sign as
    printed, f_θ₀ being the base network. Where it is 1, the claim holds only for teacher minus base; else
    it fails.
    """
    rows = table(part(evidence.result(RECOVERY), "moments"), "activation", "found", "error", "predicted")
    rows = rows[rows.activation == "relu"].astype({"found": float, "error": float, "predicted": float})
    weight = rows.predicted / rows.error**2
    strength = float((weight * rows.predicted).sum())
    if not strength > 0:
        raise NotRun("no mean for ReLU in the record, or none that is not 0")
    factor, half = float((weight * rows.found).sum()) / strength, _ERRORS / strength**0.5
    low, high = factor - half, factor + half
    turned = "it is read as teacher minus base, and times ξ/√(1 + ξ²/k) for rows of norm 1"
    verdict = Verdict.HOLDS if low <= -1 <= high else Verdict.ONLY_WHEN if low <= 1 <= high else Verdict.FAILS
    return Finding(
        verdict,
        "mean of ⟨u, x⟩(teacher − base) over μ₁ Σ λᵢcᵢ ξ/√(1 + ξ²/k)",
        factor,
        low,
        high,
        f"three standard errors, {several(len(rows), 'teacher')}",
        turned if verdict is Verdict.ONLY_WHEN else "",
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Theorem 36",
    known=Known.TEXT,
    statement="Once û is near u, c is easy: the error of a linear model over 2k features is at most of the "
    "order of 1 − |⟨u, û⟩|.",
    chapter="recovery",
    section="Without descent",
)
def features_make_c_easy(evidence: Evidence) -> Finding:
    """Holds if near u the error falls at least as fast as 1 − |⟨u, û⟩|, for every activation.

    The slope of the median error over instances on logarithmic axes, for distances below 0.02, must be at
    least 0.95. The theorem's constant depends on the activation and is left open; how often the error is
    within it at 1 is said beside it. Fails if no activation has such a slope; else those with one are
    named.
    """
    rows = table(part(evidence.result(RECOVERY), "features"), "activation", "gap", "left", "limit")
    rows = rows[rows.left.astype(float) > 0]
    near = rows[rows.gap < _CLOSE].groupby(["activation", "gap"]).left.median()
    slopes = {
        str(name): float(np.polyfit(np.log(each.index.get_level_values("gap")), np.log(each), 1)[0])
        for name, each in near.groupby(level="activation", sort=False)
        if len(each) > 1
    }
    steep = {name: slope >= 1 - _SLACK for name, slope in slopes.items()}
    verdict, condition = over(steep, "the activation is ")
    within = f"with the constant at 1 the bound covers {(rows.left <= rows.limit).mean():.0%} of the errors"
    return ranged(
        verdict,
        "power of 1 − |⟨u, û⟩| with which the error falls, least",
        slopes.values(),
        f"range over {several(len(slopes), 'activation')}",
        clauses(condition, within),
        by="min",
    )
