"""What the base network is worth: the plateau that returns without it, and learning from scratch."""

import pandas as pd

from lintune.claims.beyond_kernels.reading import RECOVERY, fitted, mean_factor, said, times
from lintune.claims.cases import clauses, several
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, part
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies.recovery import Exponent


@claim(
    paper=BEYOND_KERNELS,
    where="Remark 15, Figures 1b and 6",
    known=Known.TEXT,
    statement="As ξ grows beyond √k the plateau of learning from scratch returns: for He3 recovery takes "
    "ever longer.",
    chapter="recovery",
    section="Against $\\xi$: the plateau comes back",
    number="0.7, 1.2, 3 and 20 million steps at ξ = 1, 10, 14 and 25, k = 20",
)
def plateau_returns(evidence: Evidence) -> Finding:
    """Holds if the same instances take longer at the largest ξ than at ξ = √k, by all of a 95 % interval.

    The factor is a geometric mean over instances and dimensions, with Student's interval of its
    logarithm; one that did not arrive at the largest ξ counts with the steps it had, so the factor is too
    small then. Fails if all of the interval is below 1.
    """
    rows = times(part(evidence.result(RECOVERY), "xi"), "dimension", "ratio", "weak", "limit")
    wide, limit = (
        rows.pivot(index=["dimension", "instance"], columns="ratio", values=v) for v in ("weak", "limit")
    )
    ratios = sorted(map(float, wide.columns))
    at = min(ratios, key=lambda ratio: abs(ratio - 1))
    if ratios[-1] <= at:
        raise NotRun("no ξ above √k was run")
    known = wide[at].notna()
    # A start may have arrived already: it counts with one step.
    long = wide[ratios[-1]].fillna(limit[ratios[-1]]).clip(lower=1)
    factor, low, high = mean_factor((long / wide[at].clip(lower=1))[known].to_numpy(dtype=float))
    cut = int(wide[ratios[-1]].isna().sum())
    return Finding(
        side(low, high, 1.0),
        f"steps to weak recovery at ξ/√k = {ratios[-1]:g} over those at {at:g}, at least",
        factor,
        low,
        high,
        f"95 % interval over {int(known.sum())} runs",
        f"{cut} of {several(len(wide), 'run')} were cut off at the largest ξ",
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Theorem 3",
    known=Known.TEXT,
    statement="There are teachers that fine-tuning recovers in a number of steps linear in d, while "
    "learning them from scratch by correlational queries takes a higher power (asked here of "
    "online descent, for p = 3).",
    chapter="recovery",
    section="From scratch",
    number="d against d^(p/2) queries",
)
def fine_tuning_beats_scratch(evidence: Evidence) -> Finding:
    """Holds if the exponents of d from scratch are above that of fine-tuning, with intervals apart.

    Steps to weak recovery on the theorem's construction; from scratch all rows are trained, and a single
    one. 95 % bootstrap intervals over instances, at all dimensions that were run. Fails if both are below
    with intervals apart; else it is not decided. What becomes of it without the smallest dimension, on
    either side, is said beside it.
    """
    hiding = part(evidence.result(RECOVERY), "hiding")
    rows = {name: times(hiding.get(name, []), "dimension", "weak") for name in ("fine", "one", "all")}
    fits = _exponents(rows)
    fine, scratch = fits["fine"], [fits["one"], fits["all"]]
    lead = [fit.value - fine.value for fit in scratch]
    return Finding(
        _apart(fits),
        "exponent of d from scratch minus that of fine-tuning, the smaller",
        min(lead),
        min(fit.low for fit in scratch) - fine.high,
        max(fit.high for fit in scratch) - fine.low,
        "between the ends of 95 % intervals",
        clauses(_told(fits), _without_the_smallest(rows)),
    )


def _exponents(rows: dict[str, pd.DataFrame]) -> dict[str, Exponent]:
    return {
        name: fitted(each, "dimension", "weak", paired=name != "all", weigh=True)
        for name, each in rows.items()
    }


def _apart(fits: dict[str, Exponent]) -> Verdict:
    fine, scratch = fits["fine"], [fits["one"], fits["all"]]
    if min(fit.low for fit in scratch) > fine.high:
        return Verdict.HOLDS
    return Verdict.FAILS if max(fit.high for fit in scratch) < fine.low else Verdict.OPEN


def _told(fits: dict[str, Exponent]) -> str:
    """Return the exponents in words."""
    fine, one, every = (said(fits[name]) for name in ("fine", "one", "all"))
    return f"fine-tuning {fine}, one row {one}, all rows {every}"


def _without_the_smallest(rows: dict[str, pd.DataFrame]) -> str:
    """Return in words the verdict without the smallest dimension of each side; nothing if two are left."""
    if min(each.dimension.nunique() for each in rows.values()) < 3:
        return ""
    fits = _exponents({name: each[each.dimension > each.dimension.min()] for name, each in rows.items()})
    return f"without the smallest d of each: {_apart(fits)} ({_told(fits)})"
