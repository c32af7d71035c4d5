"""What the strength that makes a run most linear costs in accuracy."""

from lintune.claims.cases import ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import LINEARIZATION
from lintune.studies.strengths import best_strengths
from lintune.words import several


@claim(
    paper=LINEARIZATION,
    where="table of accuracies by λ, by a third party's report",
    known=Known.ACCOUNTS,
    statement="More linear is not better: the most linear strength is less accurate than a weaker pull.",
    chapter="real_against_linear",
    section="More linear is not better",
    number="CoLA, accuracy: 74.59 at λ = 50 against 80.44 at λ = 5",
)
def the_most_linear_strength_costs_accuracy(evidence: Evidence) -> Finding:
    """Holds if for every task and method the cost is positive with its whole 95 % t interval over draws.

    The cost of a draw is the test accuracy of the strength that is best on the other draws, minus that of
    the strength at which real and linear outputs differ least. Holds only for some tasks and methods if it
    is so for some; fails if the cost is nowhere positive; else not decided.
    """
    needed = ("task", "method", "seed", "relative", "diverged", "test_accuracy", "test_gap")
    found = best_strengths(table(part(evidence.result("strengths.cpu"), "rows"), *needed))
    if found.empty or found.cost.isna().any():
        raise NotRun("a task has a single draw of examples")
    clear = found[found.low > 0]
    somewhere = Verdict.ONLY_WHEN if len(clear) else Verdict.OPEN
    verdict = Verdict.HOLDS if len(clear) == len(found) else somewhere
    names = ", ".join(f"{row.task} with {row.method}" for row in clear.itertuples())
    return ranged(
        Verdict.FAILS if (found.cost <= 0).all() else verdict,
        "cost in test accuracy, percentage points",
        100 * found.cost,
        f"range over {several(len(found), 'pair')} of task and method",
        names if verdict is Verdict.ONLY_WHEN else "",
        by="mean",
    )
