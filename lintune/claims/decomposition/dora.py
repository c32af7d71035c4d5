"""Is DoRA, which constrains at most one factor, better than LoRA?"""

from lintune.claims.cases import differing, over_draws
from lintune.claims.claim import Finding, Known, claim
from lintune.claims.decomposition.said import compared, pair, verdict
from lintune.claims.evidence import Evidence
from lintune.claims.papers import DECOMPOSITION


@claim(
    paper=DECOMPOSITION,
    where="Proposition 2, on combinations",
    known=Known.TEXT,
    statement="DoRA is better than LoRA, since it constrains at most one factor.",
    chapter="methods_in_one_picture",
    section="The fair comparison",
    number="86.56 against 86.12 (RoBERTa-base, rank 8)",
)
def dora_is_better_than_lora(evidence: Evidence) -> Finding:
    """Holds if DoRA is better by test score, does not hold if LoRA is.

    Scores are paired by task and draw, each method at the best of as many learning rates; a p value below
    5 %, after Holm's correction for all comparisons of the chapter's table of claims, tells them apart.
    """
    row = pair(compared(evidence, "DoRA", "LoRA"), "DoRA", "LoRA")
    return differing(
        verdict(row.verdict),
        "test score of DoRA minus LoRA's",
        row,
        over_draws(row),
    )
