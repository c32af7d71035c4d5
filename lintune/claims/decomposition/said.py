"""Verdicts of the fair comparison as verdicts of the ledger."""

import pandas as pd

from lintune.claims.claim import Verdict
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.studies import comparison as study
from lintune.studies.comparison.claims import HOLDS, REVERSED

SCORE = "test_score"
_SAID = {HOLDS: Verdict.HOLDS, REVERSED: Verdict.FAILS}


def compared(evidence: Evidence, *methods: str) -> pd.DataFrame:
    """Return the rows of the reference comparison.

    Raises:
        NotRun: There are none, or one of the methods was not trained, or on a single draw.
    """
    needed = ("what", "method", "task", "seed", SCORE, "test_loss")
    rows = table(evidence.result("methods.cpu").get("rows"), *needed)
    runs = rows[rows.what == "run"]
    missing = [name for name in methods if name not in set(runs.method)]
    if missing:
        raise NotRun(f"{missing[0]} was not trained")
    if runs.groupby(["task", "method"]).size().min() < 2:
        raise NotRun("one draw only, no spread to judge by")
    return rows


def pair(rows: pd.DataFrame, better: str, worse: str) -> pd.Series:
    """Return the chapter's verdict on one of its claims, with `difference`, `low` and `high`.

    Raises:
        NotRun: The chapter makes no such claim of these rows.
    """
    found = study.claims(rows, SCORE)
    own = found[(found.better == better) & (found.worse == worse)]
    if own.empty:
        raise NotRun(f"{better} and {worse} are not held against each other")
    return own.iloc[0]


def verdict(said: str) -> Verdict:
    """Return what a verdict of the comparison, on a pair or an order, is in the ledger.

    What was not shown is not decided.
    """
    return _SAID.get(said, Verdict.OPEN)
