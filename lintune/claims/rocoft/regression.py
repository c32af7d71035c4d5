"""Is kernel regression with a few rows or columns as accurate as with all weights?"""

import math

from lintune.claims.cases import MARGIN, clauses, joint_level, percent, together
from lintune.claims.claim import Finding, Known, claim, side
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import ROCOFT
from lintune.claims.rocoft.distance import KINDS
from lintune.claims.rocoft.selection import BY_DRAW
from lintune.studies import rocoft as study
from lintune.studies.intervals import interval
from lintune.words import listed, several


@claim(
    paper=ROCOFT,
    where="Abstract, kernel experiments",
    known=Known.ACCOUNTS,
    statement="Kernel regression with the kernel of the first three rows, or columns, is about as accurate "
    "as with the kernel of all weights (theirs is kernel logistic regression, ours kernel ridge regression).",
    chapter="rocoft",
    section="With more examples",
    number="a gap of 1 to 2 points",
)
def regression_is_about_as_accurate(evidence: Evidence) -> Finding:
    """Holds if the first rows and the first columns are less than 2 points below the kernel of all weights.

    Scores are paired by draw; the whole interval counts, at 97.5 % since rows and columns are two. Does
    not hold if one of the two lies below that with its whole interval, and the other not above it.
    """
    rows = table(evidence.result("selection.cpu").get("rows"), "what", *BY_DRAW)
    regressed = rows[(rows.what == "regression") & ((rows.rule == "first") | (rows.kind == study.FULL))]
    scores = regressed.pivot_table("score", ["task", "draw"], "kind")
    if not {study.FULL, *KINDS} <= set(scores):
        raise NotRun("no regression with all weights, the first rows and the first columns")
    each = joint_level(len(KINDS))
    found = {kind: interval((scores[kind] - scores[study.FULL]).dropna().to_numpy(), each) for kind in KINDS}
    if any(math.isnan(low) for _, low, _ in found.values()):
        raise NotRun("one draw only, no spread to judge by")
    verdict, condition = together(
        {f"{kind} are chosen": side(low, high, -MARGIN) for kind, (_, low, high) in found.items()}
    )
    worst = min(found, key=lambda kind: found[kind][0])
    middles = listed(f"{kind} {100 * middle:.1f}" for kind, (middle, _, _) in found.items())
    return Finding(
        verdict,
        f"score minus that with all weights, the worse of rows and columns ({worst})",
        *found[worst],
        f"{percent(each)} interval over {several(len(scores), 'draw')}",
        clauses(condition, f"differences in points: {middles}"),
    )
