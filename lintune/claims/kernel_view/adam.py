"""Is Adam like SignGD at first, and is the asymmetric kernel its kernel?"""

import numpy as np
import pandas as pd

from lintune.claims.cases import clauses, joint_level, over, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun
from lintune.claims.kernel_view.grid import grid
from lintune.claims.kernel_view.steps import CHAPTER, runs
from lintune.claims.papers import KERNEL_VIEW
from lintune.studies import optimiser_kernels as study
from lintune.studies.behaviour import ASYMMETRIC, KERNELS, PROMPT
from lintune.studies.intervals import interval
from lintune.words import listed, several

_CARRIES = "carries fine-tuned, adam"


@claim(
    paper=KERNEL_VIEW,
    where="Definition 4.1",
    known=Known.ACCOUNTS,
    statement="SignGD is a model of Adam's early steps: the kernel step of SignGD predicts what Adam does.",
    chapter=CHAPTER,
    section="How like SignGD is Adam?",
)
def adam_starts_as_signgd(evidence: Evidence) -> Finding:
    """Holds if SignGD's step from the start predicts Adam's to 10 % with any batch and rate that was run.

    The error of a step is ‖predicted − measured‖ / ‖measured‖ over all probes, of a run the median over
    its steps, of a batch and rate the largest over draws; predicting no change has 1. Fails if no batch
    and rate is predicted so; else those that are are named. Adam's very first step is SignGD's by its
    definition.
    """
    rows = runs(evidence)
    own = rows[(rows.optimiser == "adam") & (rows.prediction == "signgd")]
    holds = {
        f"{'one text' if batch == 1 else 'all texts'} in a step at a rate of {rate:g}": bool(
            each.error.max() <= study.HOLDS
        )
        for (batch, rate), each in own.groupby(["batch", "rate"])
    }
    verdict, condition = over(holds, "with ")
    return ranged(
        verdict,
        "error of SignGD's prediction of a step of Adam over the change, median",
        own.error,
        f"range over {several(len(own), 'run')}",
        condition,
    )


@claim(
    paper=KERNEL_VIEW,
    where="Section 4",
    known=Known.IMPLIED,
    statement="Implied: the asymmetric kernel K(A-SignGD) describes training by Adam better than K(SGD) and "
    "K(SignGD) do.",
    chapter="kernel_behaviour",
    section="Which kernel fits which optimiser",
)
def asymmetric_kernel_carries_adam(evidence: Evidence) -> Finding:
    """Holds if on every task it carries what Adam did better than either other kernel.

    What a run did to the training texts is fitted by a kernel, and what that says of the test texts is
    held against what the run did there, by their correlation. Kernels are paired by draw; better means
    that all of Student's interval of the difference over draws is above 0, worse that all of it is below 0
    for some kernel, where the intervals of all tasks and other kernels hold together with 95 %
    (Bonferroni). Fails if it is worse on every task; not decided where it is neither on any; else the tasks
    on which it is better are named.
    """
    wide = _carried(grid(evidence))
    others = [name for name in KERNELS if name != ASYMMETRIC]
    tasks = {str(task): each for task, each in wide.groupby(level="task", sort=False) if len(each) > 1}
    if not tasks:
        raise NotRun("fewer than two draws of a task tell which kernel carries Adam's effect")
    at = joint_level(len(tasks) * len(others))
    ends = {
        task: np.array([interval((each[ASYMMETRIC] - each[name]).to_numpy(), at)[1:] for name in others])
        for task, each in tasks.items()
    }
    better = {task: bool((each[:, 0] > 0).all()) for task, each in ends.items()}
    worse = {task: bool((each[:, 1] < 0).any()) for task, each in ends.items()}
    verdict, condition = over(better, "the task is ")
    if verdict is Verdict.FAILS and not all(worse.values()):
        verdict = Verdict.OPEN
    lead = wide[ASYMMETRIC] - wide[others].max(axis=1)
    means = listed(f"{name} {wide[name].mean():.3f}" for name in KERNELS)
    return ranged(
        verdict,
        "correlation of its account with what Adam did, over that of the best other kernel, mean difference",
        lead,
        f"range over {several(len(lead), 'draw')} of {several(len(ends), 'task')}",
        clauses(condition, f"mean correlations: {means}"),
        by="mean",
    )


def _carried(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how well each kernel carries what Adam did, a row per task and draw, a column per kernel."""
    if _CARRIES not in rows:
        raise NotRun("it was not measured which kernel carries Adam's effect")
    own = rows[(rows.function == PROMPT) & (rows.way == "kernel")].astype({_CARRIES: float})
    wide = own.dropna(subset=_CARRIES).pivot_table(index=["task", "seed"], columns="kernel", values=_CARRIES)
    return wide.reindex(columns=KERNELS).dropna()
