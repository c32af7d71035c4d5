"""Does it matter which rows or columns are chosen?"""

import numpy as np

from lintune.claims.cases import MARGIN, differing, ranged, together
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import ROCOFT
from lintune.claims.rocoft.distance import KINDS, tabled
from lintune.studies import rocoft as study

# The columns of the reference record that a comparison by draw needs.
BY_DRAW = ("kind", "count", "rule", "draw", "task", "score")
# The rules of the paper's ablation, by accounts and by the code; rules by gradients are this book's.
RULES = ("first", "last", "even", "random", "wanda", "wanda, least")
# Distances by rule that differ by less than this factor differ little.
FACTOR = 2.0


@claim(
    paper=ROCOFT,
    where="Abstract, read for kernels",
    known=Known.IMPLIED,
    statement="Implied: which rows or columns are chosen makes little difference to how near their kernel is "
    "to that of all weights.",
    chapter="rocoft",
    section="How near are the kernels?",
)
def any_choice_has_about_the_same_kernel(evidence: Evidence) -> Finding:
    """Holds if the rule with the farthest kernel is less than twice as far as that with the nearest.

    Distances are those of centred kernels, means over random choices. The rules are the first, last, evenly
    spaced and random ones, and those of largest and smallest score by weights and inputs. Does not hold if
    it is twice as far or more for both rows and columns.
    """
    ratios = _farthest_over_nearest(evidence)
    verdict, condition = together(
        {
            f"{kind} are chosen": Verdict.HOLDS if ratio < FACTOR else Verdict.FAILS
            for kind, ratio in ratios.items()
        }
    )
    return ranged(
        verdict,
        "farthest over nearest rule, by centred distance, the larger of rows and columns",
        ratios.values(),
        "rows and columns",
        condition,
        by="max",
    )


@claim(
    paper=ROCOFT,
    where="Abstract, selection ablation",
    known=Known.ACCOUNTS,
    statement="Which rows are chosen makes little difference to the accuracy after training.",
    chapter="rocoft",
    section="With more examples",
)
def any_choice_learns_about_as_well(evidence: Evidence) -> Finding:
    """Holds if the scores of all other rules lie within 2 points of those of the first rows.

    The rules are those of the claim on kernels that were trained; rules by gradients, which are not the
    paper's, do not count. Differences are paired by draw; the whole 95 % interval counts. Does not hold if
    one is told apart from zero by Student's test, adjusted for the number of rules (Holm).
    """
    rows = table(evidence.result("selection.cpu").get("rows"), "what", *BY_DRAW)
    trained = rows[(rows.what == "training") & (rows.kind == "rows") & rows.rule.isin(RULES)]
    if "first" not in set(trained.rule) or trained.rule.nunique() < 3:
        raise NotRun("fewer than three rules for rows were trained, or the first ones were not")
    found = study.paired(trained, ("rows", "first"))
    if found.low.isna().any():
        raise NotRun("one draw only, no spread to judge by")
    reach = found[["low", "high"]].abs().to_numpy().max()
    verdict = Verdict.HOLDS if reach < MARGIN else Verdict.OPEN
    if found.verdict.isin(["better", "worse"]).any():
        verdict = Verdict.FAILS
    widest = found.iloc[int(np.argmax(found.difference.abs()))]
    return differing(
        verdict,
        f"score minus that of the first rows, the rule farthest off ({widest.rule})",
        widest,
        f"95 % interval over {trained.groupby(['task', 'draw']).ngroups} draws",
    )


def _farthest_over_nearest(evidence: Evidence) -> dict[str, float]:
    """Return for rows and for columns how many times the farthest rule's distance is the nearest's."""
    distances, _ = tabled(evidence)
    by_rule = distances[distances.rule.isin(RULES)].groupby(["kind", "rule"]).centred.mean()
    ratios = {}
    for kind in KINDS:
        own = by_rule.get(kind)
        if own is None or len(own) < 3:
            raise NotRun(f"fewer than three rules for {kind}")
        ratios[kind] = float(own.max() / own.min()) if own.min() > 0 else np.inf
    return ratios
