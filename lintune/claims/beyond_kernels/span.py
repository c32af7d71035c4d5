"""What becomes of it where u leans into the span of the rows."""

import numpy as np

from lintune.claims.beyond_kernels.reading import RECOVERY, mean_factor
from lintune.claims.cases import over, ranged
from lintune.claims.claim import Finding, Known, claim, side
from lintune.claims.evidence import Evidence, NotRun, part
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies.student_teacher import crossing
from lintune.words import several

# How near to an optimum, in radians, a run has ended at it.
_AT = 0.3


@claim(
    paper=BEYOND_KERNELS,
    where="Figure 5a",
    known=Known.TEXT,
    statement="The larger the part of u in the span of the base network's rows, the faster is recovery.",
    chapter="recovery",
    section="When $u$ leans into the span",
)
def part_in_the_span_is_faster(evidence: Evidence) -> Finding:
    """Holds if the same instances come to an overlap of 0.5 sooner with all of u in the span than with none.

    The factor is a geometric mean over instances that arrive both ways, and all of Student's 95 %
    interval of its logarithm must be on the side of faster. Fails if all of it is on the other side.
    """
    inside = evidence.chapter("recovery").get("inside", {})
    parts = inside.get("parts", [])
    if not {0.0, 1.0} <= set(parts):
        raise NotRun("the chapter has no runs with none and with all of u in the span")
    none, whole = (
        crossing(inside["steps"], np.array(inside["overlaps"][parts.index(one)]), 0.5) for one in (0.0, 1.0)
    )
    known = np.isfinite(none) & np.isfinite(whole)
    factor, low, high = mean_factor(np.maximum(none[known], 1) / np.maximum(whole[known], 1))
    return Finding(
        side(low, high, 1.0),
        "steps with no part of u in the span over steps with all of u in it",
        factor,
        low,
        high,
        f"95 % interval over {int(known.sum())} instances",
        f"{int(known.sum())} of {len(known)} instances arrive both ways",
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Appendix F.1",
    known=Known.TEXT,
    statement="Without u orthogonal to the rows there can be several global optima.",
    chapter="recovery",
    section="When $u$ leans into the span",
)
def several_optima(evidence: Evidence) -> Finding:
    """Holds if runs end at both predicted optima, and the loss at the second is near 0, for every activation.

    One row, descent from random starts; a run is at an optimum within 0.3 radians, and near 0 is below a
    hundredth of the largest loss on the circle. Fails if no activation shows both; else those that do are
    named.
    """
    found, shares = {}, []
    for name, each in part(evidence.result(RECOVERY), "optima").items():
        angles, loss, ends = (np.array(each[key], dtype=float) for key in ("angles", "loss", "ends"))
        at = {key: np.abs(np.angle(np.exp(1j * (ends - each[key])))) < _AT for key in ("teacher", "second")}
        there = float(np.interp(each["second"], angles, loss))
        found[name] = bool(at["teacher"].any() and at["second"].any() and there < loss.max() / 100)
        shares.append(float(at["second"].mean()))
    verdict, condition = over(found, "the activation is ")
    return ranged(
        verdict,
        "share of runs that end at the other optimum",
        shares,
        f"range over {several(len(shares), 'activation')}",
        condition,
        by="mean",
    )
