"""The overlap on its way up: its speed, its start, and what freezing c costs."""

from typing import Any

import numpy as np
import pandas as pd

from lintune.claims.beyond_kernels.reading import STUDENTS, mean_factor
from lintune.claims.cases import clauses, over, ranged
from lintune.claims.claim import Finding, Known, claim, side
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies import student_teacher as study
from lintune.words import several

# Standard errors; the largest distance over some fifty correlated steps.
_FAR = 4.0


@claim(
    paper=BEYOND_KERNELS,
    where="Proposition 4",
    known=Known.TEXT,
    statement="Online descent moves the overlap m of student and teacher by η h(m)(1 − m²) a step on "
    "average, with h given by a series in the Hermite coefficients.",
    chapter="beyond_kernels",
    section="At the paper's sizes",
)
def speed_is_proposition_4(evidence: Evidence) -> Finding:
    """Holds if the students' mean stays within four standard errors of theory in every case.

    A case is an activation and a ξ. Theory is h(m) with what a step of finite size takes (ours); its
    standard error is predicted, too. The largest distance over all steps up to an overlap of 0.9 counts.
    Fails if it is exceeded everywhere; else the cases are named.
    """
    flat = _followed(evidence, "error", "spread", "printed error")
    names = flat.activation + flat.xi.map(" at ξ = {:.3g}".format)
    verdict, condition = over(dict(zip(names, flat.error.astype(float) < _FAR, strict=True)))
    off = flat["printed error"].max()
    return ranged(
        verdict,
        "largest distance of the mean from theory in standard errors, median",
        flat.error,
        f"range over {len(flat)} activations and sizes",
        clauses(
            condition,
            _known_signs(evidence),
            f"spread of students {flat.spread.min():.2f} to {flat.spread.max():.2f} times the predicted one",
            f"without the correction for finite steps the overlap is off by up to {off:.2g}",
        ),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Figure 1a (4b)",
    known=Known.TEXT,
    statement="At ξ of the order of √k the overlap leaves 0 at once for every activation, with no plateau "
    "for those of a higher information exponent.",
    chapter="beyond_kernels",
    section="At the paper's sizes",
    number="all leave 0 at once",
)
def every_activation_leaves_zero_at_once(evidence: Evidence) -> Finding:
    """Holds if the way to an overlap of 0.1 takes less than half of the time to 0.5, for every activation.

    It is the mean of the students, at the largest ξ that was run. A straight rise takes a fifth, a
    plateau nearly all. Fails if no activation rises so; else those that do are named.
    """
    flat = _followed(evidence, "steps", "average")
    strong = flat[flat.xi == flat.xi.max()]
    when = {
        row.activation: [study.crossing(row.steps, np.array([row.average]), bound)[0] for bound in (0.1, 0.5)]
        for row in strong.itertuples()
    }
    if not np.isfinite(list(when.values())).all():
        raise NotRun("the students did not come to an overlap of 0.5")
    shares = {name: float(first / half) for name, (first, half) in when.items()}
    verdict, condition = over({name: each < 0.5 for name, each in shares.items()}, "the activation is ")
    return ranged(
        verdict,
        f"time to an overlap of 0.1 over that to 0.5, at ξ = {strong.xi.iloc[0]:.3g}, median",
        shares.values(),
        f"range over {several(len(shares), 'activation')}",
        clauses(condition, _known_signs(evidence)),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Figure 2",
    known=Known.TEXT,
    statement="Recovery with frozen ĉ is slower than with both vectors trained, about twice in the figure.",
    chapter="beyond_kernels",
    section="At the paper's sizes",
    number="about 2",
)
def frozen_c_is_slower(evidence: Evidence) -> Finding:
    """Holds if teachers take more steps to an overlap of 0.9 with ĉ frozen, by all of a 95 % interval.

    The factor is the geometric mean over teachers that were recovered in joint training, with Student's
    interval of its logarithm; a frozen one that did not arrive counts with the last step, so the factor
    is too small then. Fails if all of the interval is below 1.
    """
    ten = part(evidence.result(STUDENTS), "ten")
    joint, held = (
        study.crossing(ten["steps"], np.array(ten[way]["overlap"]), 0.9) for way in ("joint", "held")
    )
    known = np.isfinite(joint)
    least = np.where(np.isfinite(held), held, ten["steps"][-1])[known]
    factor, low, high = mean_factor(least / joint[known])
    arrived = f"{int(np.isfinite(held).sum())} of {len(held)} arrive with ĉ frozen"
    arrived += f", {int(known.sum())} with both trained"
    return Finding(
        side(low, high, 1.0),
        "steps with ĉ frozen over steps with both trained, at least",
        factor,
        low,
        high,
        f"95 % interval over {int(known.sum())} teachers",
        arrived,
    )


def _known_signs(evidence: Evidence) -> str:
    """Return in words how much of c the students were given: with random signs h(0) may be near 0."""
    given = evidence.parameters(STUDENTS)
    return f"{given['agreeing']} of {given['width']} signs of ĉ are those of c, and held"


def _followed(evidence: Evidence, *needed: str) -> pd.DataFrame:
    """Return a row for each activation and size whose students were followed."""
    lines: list[list[dict[str, Any]]] = part(evidence.result(STUDENTS), "followed")
    return table([each for line in lines for each in line], "activation", "xi", *needed)
