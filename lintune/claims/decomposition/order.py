"""The order of the factored forms: in the paper's own averages, and in the fair comparison."""

from lintune.claims.cases import differing, over_draws
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.decomposition.said import SCORE, compared, verdict
from lintune.claims.evidence import Evidence
from lintune.claims.papers import DECOMPOSITION
from lintune.studies import comparison, decomposition

_STATEMENT = "FLoRA is better than AdaLoRA and TriLoRA, and these are better than LoRA"


@claim(
    paper=DECOMPOSITION,
    where="GLUE averages, extension methods",
    known=Known.TEXT,
    statement=f"{_STATEMENT}: in the averages that the paper prints.",
    chapter="decomposition",
    section="The order in the paper's own averages",
    number="86.37, 85.99, 85.99, 86.12 (RoBERTa-base, rank 8)",
)
def forms_have_their_order_in_print(_: Evidence) -> Finding:
    """Holds if the printed averages have the whole order in every setting of a model and a rank.

    Holds only in the mean over settings if that has it; does not hold if not even the mean does.
    """
    found, means = decomposition.orderings(), decomposition.averages().mean(numeric_only=True)
    middle = means[["AdaLoRA", "TriLoRA"]]
    if found["claimed"] == found["settings"]:
        so, condition = Verdict.HOLDS, ""
    elif means["FLoRA"] > middle.max() and middle.min() > means["LoRA"]:
        so = Verdict.ONLY_WHEN
        condition = (
            f"scores are averaged over all {found['settings']} settings; by themselves "
            f"{found['claimed']} of them have the whole order"
        )
    else:
        so, condition = Verdict.FAILS, ""
    return Finding(
        so,
        quantity=f"of {found['settings']} settings have the whole order",
        value=float(found["claimed"]),
        condition=condition,
    )


@claim(
    paper=DECOMPOSITION,
    where="GLUE averages, extension methods",
    known=Known.TEXT,
    statement=f"{_STATEMENT}: when each is trained at its own best learning rate.",
    chapter="methods_in_one_picture",
    section="The fair comparison",
)
def forms_have_their_order_here(evidence: Evidence) -> Finding:
    """Holds if each of the four pairs does by test score; does not hold if one is the other way round.

    Scores are paired by task and draw; p values below 5 %, after Holm's correction for all comparisons of
    the chapter's table of claims, tell two methods apart.
    """
    rows = compared(evidence, "FLoRA", "AdaLoRA", "TriLoRA", "LoRA")
    said = comparison.order(comparison.claims(rows, SCORE))
    row = comparison.against(rows, comparison.BASE, SCORE, ["FLoRA"]).iloc[0]
    return differing(
        verdict(said),
        "test score of FLoRA minus LoRA's",
        row,
        over_draws(row),
    )
