"""All claims, judged by the records: one row each."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

import pandas as pd

from lintune import records
from lintune.claims.claim import Claim, Finding, Verdict, typeset
from lintune.claims.evidence import Evidence, NotRun


def judged(claim: Claim, evidence: Evidence) -> Finding:
    """Return what the check of a claim finds; a claim whose records do not suffice was not run.

    Negative numbers in its words have a minus sign.
    """
    try:
        found = claim.check(evidence)
    except NotRun as reason:
        found = Finding(Verdict.NOT_RUN, "", condition=str(reason))
    return replace(
        found,
        quantity=typeset(found.quantity),
        spread=typeset(found.spread),
        condition=typeset(found.condition),
    )


def ledger(claims: Iterable[Claim], evidence: Callable[[], Evidence] = Evidence) -> pd.DataFrame:
    """Judge claims by the records.

    Args:
        claims: The claims, in the ledger's order.
        evidence: Makes the access to the records; each is parsed once, and noted with every claim that it
            was consulted for.

    Returns:
        A row per claim: `claim` (the name of its check), `paper`, `where`, `known`, `statement`, `chapter`,
        `section`, `number` (the paper's), `ours` as text, the parts of the finding, `run_on` and `records`.
    """
    rows, source = [], evidence()
    for each in claims:
        consulted = source.again()
        finding = judged(each, consulted)
        rows.append(
            {
                "claim": each.name,
                "paper": each.paper.short,
                "where": each.where,
                "known": str(each.known),
                "statement": each.statement,
                "chapter": each.chapter,
                "section": each.section,
                "number": each.number,
                "ours": finding.ours,
                **asdict(finding),
                "verdict": str(finding.verdict),
                "run_on": "; ".join(dict.fromkeys(map(records.told, consulted.read.values()))),
                "records": sorted(consulted.read),
            }
        )
    return pd.DataFrame(rows, dtype=object)  # a claim without a number has None, not NaN: records take no NaN
