"""Kernel behaviour by the three rules of the field, task by task and optimiser by optimiser."""

import pandas as pd

from lintune.claims.cases import clauses, over, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun
from lintune.claims.kernel_view.grid import pairs, trained
from lintune.claims.papers import KERNEL_VIEW
from lintune.words import listed, several


@claim(
    paper=KERNEL_VIEW,
    where="summary table",
    known=Known.ACCOUNTS,
    statement="The kernel solves the task: kernel regression with the optimiser's kernel reaches at least "
    "90 % of the score of fine-tuning from a prompt.",
    chapter="kernel_behaviour",
    section="The verdicts",
    number="at least 90 %",
)
def kernel_solves_the_task(evidence: Evidence) -> Finding:
    """Holds if it does for every task and optimiser whose network learnt something.

    Scores are medians over draws. A network has learnt something if its score is above chance, the
    majority class and the calibrated zero-shot answer: kernels are not asked to match what these do, too.
    Fails if it does for none; else the cases are named. Where others learnt nothing it holds only there.
    """
    judged = pairs(evidence)
    judged["kernel solves"] = judged["kernel solves"].where(judged.learnt)
    quantity = "score of kernel regression over that of fine-tuning"
    return _judged(evidence, judged, "kernel solves", "solves", quantity, "the network learnt nothing")


@claim(
    paper=KERNEL_VIEW,
    where="Figure 2, summary table",
    known=Known.ACCOUNTS,
    statement="Linearisation: training the linearised model recovers at least half of what fine-tuning adds"
    " to the zero-shot score.",
    chapter="kernel_behaviour",
    section="The verdicts",
    number="at least 50 %",
)
def linearised_model_recovers(evidence: Evidence) -> Finding:
    """Holds if it does for every task and optimiser for which fine-tuning adds something.

    Scores are medians over draws; an improvement of at most 1/(2√m) on m test examples counts as none,
    and leaves nothing to recover. Fails if it does for none; else the cases are named. Where fine-tuning
    adds nothing for others it holds only for these.
    """
    nothing, quantity = "fine-tuning added nothing", "share of the improvement that is recovered"
    return _judged(evidence, pairs(evidence), "linearisation", "recovers", quantity, nothing)


@claim(
    paper=KERNEL_VIEW,
    where="Definition 3.2, summary table",
    known=Known.ACCOUNTS,
    statement="Fixed features: fine-tuning from a prompt changes the kernel by less than twice its norm.",
    chapter="kernel_behaviour",
    section="The verdicts",
    number="below 2.0",
)
def features_stay_fixed(evidence: Evidence) -> Finding:
    """Holds if ‖K − K₀‖ / ‖K₀‖ is below 2 for every task and optimiser, by the median over draws.

    Fails if it is for none; else the cases are named. Where the change was not measured for some, it holds
    only for the others. The rule asks little: a kernel of the old norm with nothing in common with the old
    one shows √2.
    """
    missing, quantity = "the change was not measured", "change of the kernel over its norm"
    return _judged(evidence, pairs(evidence), "fixed features", "kernel change", quantity, missing)


@claim(
    paper=KERNEL_VIEW,
    where="summary table",
    known=Known.ACCOUNTS,
    statement="Fine-tuning from a prompt shows kernel behaviour: the kernel solves the task, linearisation "
    "and fixed features hold together.",
    chapter="kernel_behaviour",
    section="The verdicts",
)
def kernel_behaviour_shows(evidence: Evidence) -> Finding:
    """Holds if all three rules hold for every task and optimiser, by medians over draws.

    Fails if they do for none that has an answer. Where fine-tuning adds nothing to the zero-shot score
    the question is open: the claim is then said to hold only where they do.
    """
    judged = pairs(evidence)
    answered = judged[judged["kernel behaviour"].notna()]
    if answered.empty:
        raise NotRun("fine-tuning improves on no zero-shot answer, or its kernel was not measured")
    verdict, condition = over(
        dict(zip(answered.case, answered["kernel behaviour"].astype(bool), strict=True))
    )
    left = listed(judged[judged["kernel behaviour"].isna()].case.str.split(" by ").str[0].unique())
    if left and verdict is Verdict.HOLDS:
        verdict, condition = Verdict.ONLY_WHEN, "fine-tuning adds something to the zero-shot score"
    agree = answered["draws that agree"].astype(float)
    told = (
        left and f"open on {left}",
        left and _of(answered, judged, "fine-tuning added nothing"),
        f"single draws agree for {agree.mean():.0%}",
    )
    return Finding(
        verdict,
        "share of tasks and optimisers with an answer for which it shows",
        float(answered["kernel behaviour"].astype(bool).mean()),
        spread=trained(evidence),
        condition=condition and clauses(condition, *told),
    )


def _judged(
    evidence: Evidence, judged: pd.DataFrame, verdict: str, value: str, quantity: str, otherwise: str
) -> Finding:
    """Return the finding on one of the properties, its value being the median over cases.

    Pairs without a verdict are left out, `otherwise` saying why; what holds of the rest holds only there.
    """
    known = judged[judged[verdict].notna()]
    if known.empty:
        raise NotRun(f"{verdict} cannot be judged on any task: nothing was learnt or measured")
    said, condition = over(dict(zip(known.case, known[verdict].astype(bool), strict=True)))
    if len(known) < len(judged):
        said = Verdict.ONLY_WHEN if said is Verdict.HOLDS else said
        condition = clauses(condition, _of(known, judged, otherwise))
    return ranged(
        said,
        f"{quantity}, median",
        known[value],
        clauses(f"range over {several(len(known), 'pair')} of task and optimiser", trained(evidence)),
        condition,
    )


def _of(known: pd.DataFrame, judged: pd.DataFrame, otherwise: str) -> str:
    """Return in words how many pairs have a verdict, and why others have none."""
    told = f"{len(known)} of {several(len(judged), 'pair')} of task and optimiser"
    return clauses(told, f"in the others {otherwise}")
