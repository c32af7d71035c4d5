"""How long recovery takes: against d, and against k."""

import math

from lintune.claims.beyond_kernels.reading import RECOVERY, fitted, said, setting, times
from lintune.claims.cases import clauses, over
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies.recovery import Exponent, linear_in_d
from lintune.teacher import scalings
from lintune.words import listed

# How far an exponent, with its interval, may be from 1.
_NEAR = 0.25


@claim(
    paper=BEYOND_KERNELS,
    where="Theorem 1",
    known=Known.TEXT,
    statement="Recovering u takes a number of steps that is linear in the dimension d, whatever the "
    "activation.",
    chapter="recovery",
    section="Against $d$",
    number="1, the exponent of d",
)
def recovery_is_linear_in_d(evidence: Evidence) -> Finding:
    """Holds if for every activation all of the exponent's 95 % interval is within 0.25 of 1.

    Steps to weak recovery, one step size in units of |h(0)|/(dV), bootstrap interval over instances. From
    scratch He3, of information exponent 3, takes about d². Fails if it is so for no activation; else
    those for which it is are named.
    """
    rows = times(part(evidence.result(RECOVERY), "dimension"), "activation", "dimension", "factor", "weak")
    rows = rows[rows.factor == rows.factor.iloc[0]]
    by_name = rows.groupby("activation", sort=False)
    fits = {str(name): fitted(each, "dimension", "weak", weigh=True) for name, each in by_name}
    near = {name: fit.low > 1 - _NEAR and fit.high < 1 + _NEAR for name, fit in fits.items()}
    verdict, condition = over(near, "the activation is ")
    each = (f"{name} {fit.value:.2f}, {linear_in_d(fit)}" for name, fit in fits.items())
    given = evidence.parameters(RECOVERY)
    chosen = f"k = {given['width']}, ξ = {given['xi']:g}"
    chosen += f", without the {given['given_up']:.0%} of draws with the least |h(0)|"
    farthest = max(fits, key=lambda name: abs(fits[name].value - 1))
    return _measured(
        verdict,
        f"exponent of d in the steps to weak recovery, the farthest from 1 ({farthest})",
        fits[farthest],
        clauses(condition, *each, chosen),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Theorems 11 and 12",
    known=Known.TEXT,
    statement="In the width k recovery takes at most the printed powers: k³ if μ₁ is not 0 and else k⁴.",
    chapter="recovery",
    section="Against $k$",
    number="at most 3 (μ₁ not 0) or 4, the exponent of k",
)
def width_powers_are_bounds(evidence: Evidence) -> Finding:
    """Holds if the measured exponent of k is below the printed one with all of its interval, in every case.

    Cases are ξ = 1 and ξ = √k, an activation with μ₁ and one without. Steps to weak recovery, bootstrap
    interval over instances, readout signs at random, which are no worst case. Fails if it is below in no
    case; else the cases are named.
    """
    fits = _against_width(evidence)
    holds = {
        setting(law, sigma): fit.high < _power(law, sigma, "iterations") for (law, sigma), fit in fits.items()
    }
    verdict, condition = over(holds)
    each = (f"{setting(*case)} {said(fit)}" for case, fit in fits.items())
    largest = max(fits, key=lambda case: fits[case].value)
    return _measured(
        verdict,
        f"exponent of k in the steps to weak recovery, the largest ({setting(*largest)})",
        fits[largest],
        clauses(condition, f"measured: {listed(each)}"),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Theorem 11",
    known=Known.IMPLIED,
    statement="Implied: the d k³ steps that Theorem 11 prints, up to logarithms, for orthonormal rows, ξ = 1 "
    "and μ₁ not 0, are what the generic Theorem 16 gives.",
    chapter="recovery",
    section="What the theorems say",
    number="3, the exponent of k",
)
def theorem_11_follows_as_printed(evidence: Evidence) -> Finding:
    """Holds if inserting the printed step size and drift into Theorem 16 gives the printed power of k.

    Both powers are computed from the formulas, up to logarithms. Where the printed one is larger it holds
    only as an upper bound, which is what Theorem 11 states; fails if it is smaller. What was measured is
    said beside it.
    """
    printed, implied = _power("one", "relu", "iterations"), _power("one", "relu", "implied")
    fit = _against_width(evidence).get(("one", "relu"))
    bound = (
        f"it is read as an upper bound: Theorem 16 with the printed step size gives a power of {implied:.3g}"
    )
    verdict = Verdict.HOLDS if printed == implied else Verdict.ONLY_WHEN
    return Finding(
        Verdict.FAILS if printed < implied else verdict,
        "exponent of k by Theorem 16 with the printed step size",
        implied,
        condition=clauses(
            bound if printed > implied else "",
            f"printed: {printed:.3g}",
            f"measured for ReLU: {said(fit)}" if fit else "",
        ),
    )


def _measured(verdict: Verdict, quantity: str, fit: Exponent, condition: str) -> Finding:
    """Return what was found of several exponents: the one that stands for all, with its own interval."""
    return Finding(
        verdict, quantity, fit.value, fit.low, fit.high, "its 95 % interval over instances", condition
    )


def _against_width(evidence: Evidence) -> dict[tuple[str, str], Exponent]:
    """Return the exponents of k by the law of ξ (`one`, `root`) and the activation."""
    rows = times(part(evidence.result(RECOVERY), "width"), "activation", "law", "width", "weak")
    fits = {
        (str(law), str(sigma)): fitted(each, "width", "weak", paired=False)
        for (law, sigma), each in rows.groupby(["law", "activation"], sort=False)
    }
    if not fits:
        raise NotRun("no sweep against k in the record")
    return fits


def _power(law: str, sigma: str, name: str) -> float:
    """Return the power of k of a theorem's number of steps, as printed or implied."""
    theorem = scalings.orthonormal if law == "one" else scalings.strong_orthonormal
    small, large = (theorem(scalings.Setting(100, k, 0.1, linear=sigma == "relu")) for k in (10, 100))
    return round(math.log10(getattr(large, name) / getattr(small, name)), 6)
