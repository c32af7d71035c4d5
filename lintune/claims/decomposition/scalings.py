"""The reconstruction family: scalings of what is there, and of its singular values."""

import numpy as np

from lintune.claims.cases import differing, over_draws
from lintune.claims.claim import Finding, Known, claim, side
from lintune.claims.decomposition.said import SCORE, compared, verdict
from lintune.claims.evidence import Evidence
from lintune.claims.papers import DECOMPOSITION
from lintune.studies import comparison as study

_FAMILY = ("SSB", "IA3", "SSL", "singular values")
_BEHIND = 0.05


@claim(
    paper=DECOMPOSITION,
    where="GLUE averages, reconstruction methods",
    known=Known.TEXT,
    statement="Scaling both sides of a weight (SSB) is better than scaling its outputs (IA3), that better "
    "than scaling its inputs (SSL), and that better than its singular values (SAM-PARSER).",
    chapter="methods_in_one_picture",
    section="The fair comparison",
    number="84.72, 83.91, 82.51, 65.13 (RoBERTa-base)",
)
def scalings_have_the_printed_order(evidence: Evidence) -> Finding:
    """Holds if each is better than the next by test score; does not hold if one pair is the other way round.

    Scores are paired by task and draw, each method at the best of as many learning rates; p values below
    5 % after Holm's correction for the three pairs tell two apart.
    """
    rows = compared(evidence, *_FAMILY)
    pairs = [study.Claim(*names, "scalings") for names in zip(_FAMILY[:-1], _FAMILY[1:], strict=True)]
    found = study.claims(rows, SCORE, pairs)
    least = found.iloc[int(np.argmin(found.difference))]
    return differing(
        verdict(study.order(found, "scalings")),
        f"test score of {least.better} minus {least.worse}, the least of the three differences",
        least,
        over_draws(least),
    )


@claim(
    paper=DECOMPOSITION,
    where="GLUE averages, reconstruction methods",
    known=Known.TEXT,
    statement="Training the singular values alone (SAM-PARSER) stays far behind scaling the outputs (IA3).",
    chapter="decomposition",
    section="What the authors' release does",
    number="65.13 against 83.91 (RoBERTa-base)",
)
def singular_values_stay_far_behind(evidence: Evidence) -> Finding:
    """Holds if IA3 is more than 5 points of test score ahead with the whole 95 % interval.

    Does not hold if it is less than 5 points ahead with the whole interval. Scores are paired by task and
    draw.
    """
    rows = compared(evidence, "IA3", "singular values")
    row = study.against(rows, "singular values", SCORE, ["IA3"]).iloc[0]
    late = evidence.chapter("decomposition").get("late", {}).get("late", {})
    return differing(
        side(row.low, row.high, _BEHIND),
        "test score of IA3 minus that of singular values",
        row,
        over_draws(row),
        (
            "a parameter that is replaced in the first pass, as by our reading in the authors' layer, "
            "is not trained at all"
            if late.get("moved") == 0
            else ""
        ),
    )
