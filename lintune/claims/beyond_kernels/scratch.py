"""What the base network is worth: the plateau that returns without it, and learning from scratch."""

import pandas as pd

from lintune.claims.beyond_kernels.reading import RECOVERY, fitted, mean_factor, said, times
from lintune.claims.cases import clauses
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, part
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies.recovery import Exponent, linear_in_d
from lintune.words import several

_WAYS = {"fine": "fine-tuning", "one": "one row", "all": "all rows"}


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
    statement="There are teachers that fine-tuning recovers in fewer powers of d than learning them from "
    "scratch by correlational queries takes (asked here of online descent, for p = 3; whether the one power "
    "is 1 is another row).",
    chapter="recovery",
    section="From scratch",
    number="d against d^(p/2) queries",
)
def fine_tuning_beats_scratch(evidence: Evidence) -> Finding:
    """Holds if the exponents of d from scratch are above that of fine-tuning, with intervals apart.

    Steps to weak recovery on the theorem's construction; from scratch all rows are trained, and a single
    one. 95 % bootstrap intervals over instances. Fails if both are below with intervals apart; else it is
    not decided. All dimensions that were run count; where the verdict is another one without the smallest
    of each side, it holds only when that is counted, or is not decided.
    """
    hiding = part(evidence.result(RECOVERY), "hiding")
    rows = {name: times(hiding.get(name, []), "dimension", "weak") for name in ("fine", "one", "all")}
    fits, without = _exponents(rows), _without_the_smallest(rows)
    fine = fits["fine"]
    name = min(("one", "all"), key=lambda each: fits[each].value)
    least = fits[name]
    verdict, condition = _robust(_apart(fits), _apart(without or fits))
    beside = f"without the smallest d of each: {_apart(without)} ({_told(without)})" if without else ""
    return Finding(
        verdict,
        f"exponent of d from scratch minus that of fine-tuning, the smaller ({_WAYS[name]})",
        least.value - fine.value,
        least.low - fine.high,
        least.high - fine.low,
        "between the ends of the two 95 % intervals",
        clauses(condition, f"{_told(fits)}; fine-tuning is {linear_in_d(fine)}", beside),
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


def _robust(verdict: Verdict, without: Verdict) -> tuple[Verdict, str]:
    """Return the verdict, and its condition, by what it is without the smallest dimension."""
    if verdict is without:
        return verdict, ""
    if verdict is Verdict.HOLDS:
        return Verdict.ONLY_WHEN, "the smallest dimension of each side is counted"
    return Verdict.OPEN, ""


def _told(fits: dict[str, Exponent]) -> str:
    """Return the exponents in words."""
    return ", ".join(f"{way} {said(fits[name])}" for name, way in _WAYS.items())


def _without_the_smallest(rows: dict[str, pd.DataFrame]) -> dict[str, Exponent]:
    """Return the exponents without the smallest dimension of each side; none if fewer than two are left."""
    if min(each.dimension.nunique() for each in rows.values()) < 3:
        return {}
    return _exponents({name: each[each.dimension > each.dimension.min()] for name, each in rows.items()})
