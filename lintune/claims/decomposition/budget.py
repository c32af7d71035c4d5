"""The printed numbers of parameters, against counts in the model's shapes."""

import numpy as np

from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import DECOMPOSITION
from lintune.studies import budgets

_NEEDED = ("method", "rank", "per mille", "printed", "decimals", "low", "high")


@claim(
    paper=DECOMPOSITION,
    where="Tables of GLUE results",
    known=Known.TEXT,
    statement="The printed budgets are those of the methods on RoBERTa-base, in per mille of its parameters.",
    chapter="decomposition",
    section="The budgets",
    number="IA3 .442, SSL .221, SSB .664, LoRA of rank 8 10.62",
)
def printed_budgets_come_out(evidence: Evidence) -> Finding:
    """Holds if the counts round to every printed figure with 125 million as the denominator.

    Holds only with another denominator if one gives all figures; does not hold if none does.
    """
    counted = table(evidence.chapter("decomposition").get("budgets"), *_NEEDED)
    printed = counted[counted.printed.notna()].astype({"printed": float, "low": float, "high": float})
    if printed.empty:
        raise NotRun("no printed figure in the record")
    rounded = [
        round(value, int(places))
        for value, places in zip(printed["per mille"], printed.decimals, strict=True)
    ]
    agrees = np.isclose(rounded, printed.printed)
    low, high = budgets.one_denominator(printed)
    verdict, condition = Verdict.FAILS, ""
    if agrees.all():
        verdict = Verdict.HOLDS
    elif low <= high:
        verdict = Verdict.ONLY_WHEN
        condition = f"the denominator is between {low / 1e6:.2f} and {high / 1e6:.2f} million, not 125"
    return Finding(
        verdict,
        quantity=f"of {len(printed)} printed figures come out with 125 million",
        value=float(agrees.sum()),
        condition=condition,
    )
