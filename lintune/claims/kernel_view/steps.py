"""Does a step of SGD or SignGD move the outputs as its kernel says?"""

import math

import pandas as pd

from lintune.claims.cases import several
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import KERNEL_VIEW
from lintune.studies import optimiser_kernels as study

CHAPTER = "optimiser_kernels"
_SAID = {"holds": Verdict.HOLDS, "holds roughly": Verdict.ONLY_WHEN, "does not hold": Verdict.FAILS}


@claim(
    paper=KERNEL_VIEW,
    where="Definition 3.4",
    known=Known.OURS,
    statement="A step of SGD on one text changes the output on every text by −η χ K(SGD), K being the "
    "kernel at the start of training (formula reconstructed, error bound ours).",
    chapter=CHAPTER,
    section="Step by step",
)
def sgd_steps_by_its_kernel(evidence: Evidence) -> Finding:
    """Holds if the predicted change of a step is at most 10 % off in every run, and the first step's by η².

    The error of a step is ‖predicted − measured‖ / ‖measured‖ over all probes, so that predicting no
    change has 1; of a run its median over steps. The slope of the first step's error against η on
    logarithmic axes must be within 0.2 of 2, where it can be measured. Up to 50 % the claim holds only
    roughly; else it fails.
    """
    return _steps(evidence, "sgd")


@claim(
    paper=KERNEL_VIEW,
    where="Theorem 4.3",
    known=Known.OURS,
    statement="With two classes a step of SignGD on one text changes the output on every text by −η sign(χ)"
    " K(A-SignGD), the asymmetric kernel at the start of training (formula reconstructed, error "
    "bound ours).",
    chapter=CHAPTER,
    section="Step by step",
)
def signgd_steps_by_its_kernel(evidence: Evidence) -> Finding:
    """Holds if the predicted change of a step is at most 10 % off in every run, and the first step's by η².

    The error of a step is ‖predicted − measured‖ / ‖measured‖ over all probes, so that predicting no
    change has 1; of a run its median over steps. The slope of the first step's error against η on
    logarithmic axes must be within 0.2 of 2, where it can be measured. Up to 50 % the claim holds only
    roughly; else it fails.
    """
    return _steps(evidence, "signgd")


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
    rows = runs(evidence)
    own = rows[(rows.optimiser == optimiser) & (rows.prediction == optimiser) & (rows.batch == 1)]
    if own.empty:
        raise NotRun(f"no run of {optimiser} with one text in a step")
    orders = _orders(evidence.chapter(CHAPTER).get("first_steps", {}), optimiser)
    off = any(abs(order - 2) > study.SECOND_ORDER for order in orders)
    worst = float(own.error.max())
    verdict = Verdict.FAILS if off else _SAID[study.verdict(worst)]
    told = "slope of the first step's error: " + (
        ", ".join(f"{each:.2f}" for each in orders) or "not measurable"
    )
    rough = (
        f"an error of {worst:.0%} of the change counts as agreement; " if verdict is Verdict.ONLY_WHEN else ""
    )
    return Finding(
        verdict,
        "error of a step's prediction over the change, median",
        float(own.error.median()),
        float(own.error.min()),
        worst,
        f"range over {several(len(own), 'run')}",
        rough + told,
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
