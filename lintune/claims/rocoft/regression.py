"""Is kernel regression with a few rows or columns as accurate as with all weights?"""

import numpy as np

from lintune.claims.cases import MARGIN, differing, together
from lintune.claims.claim import Finding, Known, claim, side
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import ROCOFT
from lintune.claims.rocoft.distance import KINDS
from lintune.claims.rocoft.selection import BY_DRAW
from lintune.studies import rocoft as study


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

    Scores are paired by draw; the whole 95 % interval counts. Does not hold if one of the two lies below
    that with its whole interval, and the other is not within it.
    """
    rows = table(evidence.result("selection.cpu").get("rows"), "what", *BY_DRAW)
    regressed = rows[(rows.what == "regression") & ((rows.rule == "first") | (rows.kind == study.FULL))]
    if not {study.FULL, *KINDS} <= set(regressed.kind):
        raise NotRun("no regression with all weights, the first rows and the first columns")
    found = study.paired(regressed, (study.FULL, "all")).set_index("kind")
    if found.low.isna().any():
        raise NotRun("one draw only, no spread to judge by")
    verdict, condition = together(
        {f"{kind} are chosen": side(row.low, row.high, -MARGIN) for kind, row in found.iterrows()}
    )
    worst = found.iloc[int(np.argmin(found.difference))]
    return differing(
        verdict,
        f"score minus that with all weights, the worse of rows and columns ({worst.name})",
        worst,
        f"95 % interval over {regressed.groupby(['task', 'draw']).ngroups} draws",
        condition,
    )
