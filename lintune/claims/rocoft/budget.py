"""The numbers of parameters that are reported, against counts in the model's shapes."""

from collections.abc import Mapping

from lintune.claims.cases import ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun
from lintune.claims.papers import ROCOFT

# Millions, as reported for RoBERTa-base.
ROWS, LORA = 0.249, 0.89
_ROWS, _BIASES = "3 rows of each weight", "biases of the same layers"
_LORA, _CLASSIFIER = "LoRA, rank 8", "with the classifier"


@claim(
    paper=ROCOFT,
    where="GLUE table, and the released code",
    known=Known.CODE,
    statement="Three rows of each weight of RoBERTa-base, as the released default trains them, are 0.249 "
    "million parameters.",
    chapter="rocoft",
    section="Budgets",
    number="0.249 M",
)
def reported_count_is_what_is_trained(evidence: Evidence) -> Finding:
    """Holds if rows and biases, which the released default trains too, round to the reported count together.

    Holds only when biases are left out if the rows alone do; does not hold if neither does.
    """
    counts = _counts(evidence, _ROWS, _BIASES)
    alone, default = counts[_ROWS], counts[_ROWS] + counts[_BIASES]
    verdict, condition = Verdict.FAILS, ""
    if _rounds_to(default, ROWS, 3):
        verdict = Verdict.HOLDS
    elif _rounds_to(alone, ROWS, 3):
        verdict = Verdict.ONLY_WHEN
        condition = f"biases, which it trains by default, are left out: they are {counts[_BIASES]:,} more"
    return Finding(
        verdict, quantity="millions of parameters, rows and biases", value=default / 1e6, condition=condition
    )


@claim(
    paper=ROCOFT,
    where="GLUE table",
    known=Known.ACCOUNTS,
    statement="Three rows of each weight are 3.6 times fewer parameters than LoRA of rank 8.",
    chapter="rocoft",
    section="Budgets",
    number="0.249 M against 0.89 M",
)
def fewer_parameters_than_lora(evidence: Evidence) -> Finding:
    """Holds if LoRA of rank 8 has the reported 0.89 million on some choice of weights, without a classifier.

    Holds only when a classifier is counted with LoRA alone if that gives the figure; does not hold if
    nothing that was counted does.
    """
    counts = _counts(evidence, _ROWS)
    lora = {name: count for name, count in counts.items() if name.startswith(_LORA)}
    alone = {name: count for name, count in lora.items() if not name.endswith(_CLASSIFIER)}
    if not alone:
        raise NotRun("no count of LoRA of rank 8 in the record")
    with_it = [name for name in set(lora) - set(alone) if _rounds_to(lora[name], LORA, 2)]
    verdict, condition = Verdict.FAILS, ""
    if any(_rounds_to(count, LORA, 2) for count in alone.values()):
        verdict = Verdict.HOLDS
    elif with_it:
        verdict, condition = Verdict.ONLY_WHEN, "a classifier is counted with LoRA and not with the rows"
    return ranged(
        verdict,
        "LoRA's parameters over those of three rows, on the fewest weights that were counted",
        [count / counts[_ROWS] for count in alone.values()],
        "choices of the weights that LoRA is put on",
        condition,
        by="min",
    )


def _counts(evidence: Evidence, *needed: str) -> Mapping[str, int]:
    counts: Mapping[str, int] = evidence.chapter("rocoft").get("budgets") or {}
    missing = [name for name in needed if name not in counts]
    if missing:
        raise NotRun(f"no count of {missing[0]} in the record")
    return counts


def _rounds_to(count: int, millions: float, decimals: int) -> bool:
    return abs(count / 1e6 - millions) <= 0.5 * 10.0**-decimals
