"""Matrix pattern constraints: what the non-linear one is, and whether they help."""

from lintune.claims.cases import differing, over_draws, together
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.decomposition.said import compared, pair, verdict
from lintune.claims.evidence import Evidence
from lintune.claims.papers import DECOMPOSITION
from lintune.studies import comparison, decomposition

# By what the paper calls them; MPC_n is trained here under the name that it has by the claim above.
_PATTERNS = {"MPC_o": "LoRA + MPC_o", "MPC_d": "LoRA + MPC_d", "MPC_n": "parallel adapter"}


@claim(
    paper=DECOMPOSITION,
    where="GLUE averages, rows PA and LoRA + MPC_n",
    known=Known.OURS,
    statement="LoRA with a non-linearity between its factors (MPC_n), listed as a constraint of its own, is "
    "the parallel adapter.",
    chapter="decomposition",
    section="Matrix pattern constraints",
    number="86.02 and 86.02 (RoBERTa-base, rank 8)",
)
def nonlinear_pattern_is_the_parallel_adapter(_: Evidence) -> Finding:
    """Holds if the printed averages of the two are equal in all settings of a model and a rank."""
    found = decomposition.orderings()
    return Finding(
        Verdict.HOLDS if found["same"] == found["settings"] else Verdict.FAILS,
        quantity=f"of {found['settings']} settings have the same average for both, to the last digit",
        value=float(found["same"]),
    )


@claim(
    paper=DECOMPOSITION,
    where="GLUE averages, rows with MPC",
    known=Known.TEXT,
    statement="Each matrix pattern constraint (MPC_o, MPC_d, MPC_n) makes LoRA better.",
    chapter="methods_in_one_picture",
    section="The fair comparison",
    number="86.71, 86.34 and 86.02 against 86.12 (RoBERTa-base, rank 8)",
)
def patterns_help(evidence: Evidence) -> Finding:
    """Holds if LoRA with each of them is better by test score; does not hold if one is worse and none better.

    Scores are paired by task and draw; p values below 5 %, after Holm's correction for all comparisons of
    the chapter's table of claims, tell two methods apart.
    """
    rows = compared(evidence, comparison.BASE, *_PATTERNS.values())
    found = {name: pair(rows, method, comparison.BASE) for name, method in _PATTERNS.items()}
    whole, condition = together({f"{name} is meant": verdict(row.verdict) for name, row in found.items()})
    name = max(found, key=lambda each: found[each].difference)
    best = found[name]
    return differing(
        whole,
        f"test score with {name} minus LoRA's, the largest of the three gains",
        best,
        over_draws(best),
        condition,
    )
