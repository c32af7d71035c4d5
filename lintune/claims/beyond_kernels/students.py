"""The linear student and the network at ξ = √k: where either ends."""

from typing import Any

import numpy as np

from lintune.claims.beyond_kernels.reading import STUDENTS
from lintune.claims.cases import clauses, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, part
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies.intervals import interval
from lintune.studies.student_teacher import AT_PLATEAU, crossing
from lintune.words import several

# An overlap that a vector must cross to have come.
_HALF = 0.5
# Of the linear student's least loss; what is below counts as near 0.
_NEAR_ZERO = 0.1


@claim(
    paper=BEYOND_KERNELS,
    where="Figure 3a",
    known=Known.TEXT,
    statement="At ξ = √k the student linear in the weights is stuck at a fixed loss, however long it is "
    "trained.",
    chapter="beyond_kernels",
    section="At the paper's sizes",
    number="about 1.4, where the network starts near 2.0",
)
def linear_student_is_stuck(evidence: Evidence) -> Finding:
    """Holds if no linear student ends below its plateau, and the median one ends within 10 % of it.

    The plateau is the least loss of any model linear in the weights, in closed form (ours). Fails if a
    student gets below it; not decided if the median one is farther above.
    """
    ended, plateau, size = _ends(evidence, "linear", "drawn")
    above = ended / plateau
    verdict = Verdict.HOLDS if np.median(above) <= 1 + AT_PLATEAU else Verdict.OPEN
    return ranged(
        Verdict.FAILS if (above < 1 - 1e-9).any() else verdict,
        "last loss of the linear student over the loss of the base network, median",
        ended / size,
        f"range over {several(len(ended), 'teacher')}",
        f"{above.min():.3f} to {above.max():.3f} times the plateau that theory predicts",
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Figure 3a",
    known=Known.TEXT,
    statement="At ξ = √k the loss of the network itself, trained the same way, falls to near 0.",
    chapter="beyond_kernels",
    section="At the paper's sizes",
    number="near 0",
)
def network_falls(evidence: Evidence) -> Finding:
    """Holds if every network with both vectors trained ends below a tenth of its linear student's plateau.

    Fails if the median network is not even below the plateau itself. Between, it holds only when c is
    known, provided that all networks that know c end so; otherwise it is not decided.
    """
    ended, plateau, _ = _ends(evidence, "network", "drawn")
    told, lowest, _ = _ends(evidence, "network", "known")
    left, knowing = ended / plateau, told / lowest
    if (left < _NEAR_ZERO).all():
        verdict = Verdict.HOLDS
    elif np.median(left) >= 1:
        verdict = Verdict.FAILS
    else:
        verdict = Verdict.ONLY_WHEN if (knowing < _NEAR_ZERO).all() else Verdict.OPEN
    both = f"with both vectors trained {int((left < 1).sum())} of {len(left)} networks end below the plateau"
    return ranged(
        verdict,
        "last loss of the network with both vectors trained over its linear student's plateau, median",
        left,
        f"range over {several(len(left), 'teacher')}",
        clauses("c is known" if verdict is Verdict.ONLY_WHEN else "", both),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Figure 3b",
    known=Known.TEXT,
    statement="In joint training u is learnt before c.",
    chapter="beyond_kernels",
    section="At the paper's sizes",
    number="u learnt by about 0.5 million steps, c at about 0.55 in the end",
)
def u_comes_before_c(evidence: Evidence) -> Finding:
    """Holds if u crosses an overlap of 0.5 before c does, in all teachers or by all of a 95 % interval.

    The lead is the steps to the first crossing by c minus those by u, one that does not arrive counting with
    the last step; the interval is Student's over teachers. Fails if c comes first, in all or by all of the
    interval; else it is not decided.
    """
    lost: dict[str, Any] = part(evidence.result(STUDENTS), "lost", "drawn")
    steps: list[int] = lost["steps"]
    when = {
        name: crossing(steps, np.array(lost["network"][name]), _HALF) for name in ("overlap", "c_overlap")
    }
    arrived = {name: np.isfinite(each) for name, each in when.items()}
    if (arrived["overlap"] | arrived["c_overlap"]).sum() < 2:
        raise NotRun("u or c was half learnt of fewer than two teachers")
    u, c = (np.where(arrived[name], each, steps[-1]) for name, each in when.items())
    lead, low, high = interval(c - u)
    verdict = side(low, high, 0.0)
    if (c > u).all() or (c < u).all():
        verdict = Verdict.HOLDS if lead > 0 else Verdict.FAILS
    came = " and ".join(f"{name} of {each.sum()}" for name, each in zip("uc", arrived.values(), strict=True))
    return Finding(
        verdict,
        "steps by which u comes to an overlap of 0.5 before c, in shares of the run",
        lead / steps[-1],
        low / steps[-1],
        high / steps[-1],
        f"95 % interval over {several(len(u), 'teacher')}",
        f"an overlap of 0.5 is reached by {came} teachers, of {len(u)}",
    )


def _ends(evidence: Evidence, way: str, known: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return last losses, plateaus and the losses of the base networks, each `(I,)`."""
    data = evidence.result(STUDENTS)
    lost, size = part(data, "lost", known), np.array(part(data, "size"), dtype=float)
    return np.array(lost[way]["loss"], dtype=float)[:, -1], np.array(lost["plateau"], dtype=float), size
