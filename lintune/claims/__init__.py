"""The claims of the five papers, each with the check that judges it by the records.

A claim is one row of the book's ledger: a statement, where the paper makes it, the chapter that treats it,
and a function that reads records and returns a verdict with the number it rests on. No check trains or
measures a model; a few ask for no record, being arithmetic on what is printed or algebra on matrices drawn by
seed.
"""

from lintune.claims.claim import Claim, Finding, Known, Paper, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.ledger import judged, ledger

__all__ = [
    "Claim",
    "Evidence",
    "Finding",
    "Known",
    "NotRun",
    "Paper",
    "Verdict",
    "claim",
    "judged",
    "ledger",
    "side",
    "table",
]
