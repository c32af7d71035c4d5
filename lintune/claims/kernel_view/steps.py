"""Does a step of SGD or SignGD move the outputs as its kernel says?"""

import math
from dataclasses import replace

import pandas as pd

from lintune.claims.cases import clauses, ranged
from lintune.claims.claim import Claim, Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import KERNEL_VIEW
from lintune.studies import optimiser_kernels as study
from lintune.words import several

CHAPTER = "optimiser_kernels"
# What a step's error says of a prediction, as a verdict of the ledger.
_VERDICTS = {"holds": Verdict.HOLDS, "holds roughly": Verdict.ONLY_WHEN, "does not hold": Verdict.FAILS}


def runs(evidence: Evidence) -> pd.DataFrame:
    """Return the errors of every prediction in every run of the chapter.

    Raises:
        NotRun: There are no runs.
    """
    found = evidence.chapter(CHAPTER).get("runs", [])
    if not found:
        raise NotRun("no run of an optimiser was followed step by step")
    return study.summary(found)


def _steps(evidence: Evidence, optimiser: str) -> Finding:
    """Return how an optimiser's steps, of one text each, and its first steps go by its kernel."""
    rows = runs(evidence)
    own = rows[(rows.optimiser == optimiser) & (rows.prediction == optimiser) & (rows.batch == 1)]
    if own.empty:
        raise NotRun(f"no run of {optimiser} with one text in a step")
    orders = _orders(evidence.chapter(CHAPTER).get("first_steps", {}), optimiser)
    off = any(abs(order - 2) > study.SECOND_ORDER for order in orders)
    worst = float(own.error.max())
    verdict = Verdict.FAILS if off else _VERDICTS[study.verdict(worst)]
    rough = f"an error of {worst:.0%} of the change counts as agreement"
    slopes = ", ".join(f"{each:.2f}" for each in orders) or "not measurable"
    return ranged(
        verdict,
        "error of a step's prediction over the change, median",
        own.error,
        f"range over {several(len(own), 'run')}",
        clauses(
            rough if verdict is Verdict.ONLY_WHEN else "",
            f"slope of the first step's error: {slopes}",
        ),
    )


def _orders(first: dict[str, list[dict[str, object]]], optimiser: str) -> list[float]:
    """Return the slopes of the first step's error that can be measured."""
    needed = ("optimiser", "rate", "error", "change")
    tables = [table(rows, *needed) for rows in first.values() if rows]
    found = [
        study.order(rows[rows.optimiser == optimiser])
        for rows in tables
        if (rows.optimiser == optimiser).any()
    ]
    return [each for each in found if each is not None and not math.isnan(each)]


def _by_its_kernel(optimiser: str, where: str, statement: str) -> Claim:
    """Return the claim on an optimiser's steps: for each the wording is its own, and the rule the same."""

    @claim(
        paper=KERNEL_VIEW,
        where=where,
        known=Known.OURS,
        statement=statement,
        chapter=CHAPTER,
        section="Step by step",
    )
    def steps(evidence: Evidence) -> Finding:
        """Holds if the predicted change of a step is at most 10 % off in every run, and the first's by η².

        The error of a step is ‖predicted − measured‖ / ‖measured‖ over all probes, so that predicting no
        change has 1; of a run its median over steps. The slope of the first step's error against η on
        logarithmic axes must be within 0.2 of 2, where it can be measured. Up to 50 % the claim holds only
        roughly; else it fails.
        """
        return _steps(evidence, optimiser)

    return replace(steps, name=f"{optimiser}_steps_by_its_kernel")


sgd_steps_by_its_kernel = _by_its_kernel(
    "sgd",
    where="Definition 3.4",
    statement="A step of SGD on one text changes the output on every text by −η χ K(SGD), K being the "
    "kernel at the start of training (formula reconstructed, error bound ours).",
)
signgd_steps_by_its_kernel = _by_its_kernel(
    "signgd",
    where="Theorem 4.3",
    statement="With two classes a step of SignGD on one text changes the output on every text by −η sign(χ)"
    " K(A-SignGD), the asymmetric kernel at the start of training (formula reconstructed, error "
    "bound ours).",
)
