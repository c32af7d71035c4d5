"""Scores: fine-tuning against its kernel on language inference, and one solver against another."""

from lintune.claims.cases import clauses, joint_level, together, within
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.kernel_view.accuracy import over_what, standard_error, with_interval
from lintune.claims.kernel_view.grid import grid, untrained
from lintune.claims.kernel_view.steps import CHAPTER
from lintune.claims.papers import KERNEL_VIEW
from lintune.studies import kernels_and_solvers as solving
from lintune.studies.behaviour import PROMPT, gaps
from lintune.studies.intervals import interval
from lintune.words import listed

_NLI = "snli"


@claim(
    paper=KERNEL_VIEW,
    where="a table of 16-shot results",
    known=Known.ACCOUNTS,
    statement="On language inference with 16 examples per class SGD fine-tuning is more accurate than its "
    "kernel (theirs is MNLI with RoBERTa-base, ours SNLI with a small causal model).",
    chapter="kernel_behaviour",
    section="The verdicts",
    number="about 59 % against about 53 %",
)
def fine_tuning_beats_kernel_on_nli(evidence: Evidence) -> Finding:
    """Holds if all of the 95 % interval of fine-tuning minus kernel is above 0, fails if all is below.

    The interval is Student's over draws. Not decided where the network is no better than the answers that
    ask for no training (chance, majority class, calibrated zero-shot): then there is nothing to compare.
    """
    rows = grid(evidence)
    rows = rows[(rows.task == _NLI) & (rows.function.isna() | (rows.function == PROMPT))]
    found = gaps(rows) if len(rows) else rows
    if len(found) < 2:
        raise NotRun(f"fewer than two draws of {_NLI} with network and kernel")
    difference, low, high = interval(found.gap.to_numpy(dtype=float))
    bar, tuned, kernel = untrained(rows), float(found["fine-tuned"].median()), float(found.kernel.median())
    learnt = tuned > bar
    blind = f"{bar:.2f} takes no training, so the network has learnt nothing to compare"
    return Finding(
        side(low, high, 0.0) if learnt else Verdict.OPEN,
        "accuracy of SGD fine-tuning minus that of its kernel",
        difference,
        low,
        high,
        f"95 % interval over {len(found)} draws",
        clauses(
            f"fine-tuned {tuned:.2f} against {kernel:.2f} for its kernel, medians", "" if learnt else blind
        ),
    )


@claim(
    paper=KERNEL_VIEW,
    where="released code and its README",
    known=Known.IMPLIED,
    statement="Implied: least squares on K(SGD), the default by the README, and logistic regression, the "
    "default of the code, are interchangeable.",
    chapter=CHAPTER,
    section="Which kernel and which solver",
)
def solvers_are_interchangeable(evidence: Evidence) -> Finding:
    """Holds if on every task their accuracies differ by less than 2 points, with all of an interval.

    Intervals of all tasks hold together with 95 % (Bonferroni). Accuracies are paired by draw, and the
    interval is Student's over draws, the test texts being taken as given; of a single draw it is the normal
    one by the standard error 1/(2√m), the largest for m test texts. Not run where that error is above 0.1.
    A task on which all of the interval is beyond 2 points refutes it there: fails if no task bears it out
    and one refutes it, not decided if none does either; else the tasks are named.
    """
    rows = table(evidence.chapter(CHAPTER).get("pairs", []), "task", "kernel", "solver", "seed", "accuracy")
    error = standard_error(float(evidence.parameters(CHAPTER)["solver_tests"]))
    own = rows[rows.kernel == solving.SGD].pivot_table("accuracy", ["task", "seed"], "solver", sort=False)
    if not {"least squares", "logistic"} <= set(own):
        raise NotRun("not both solvers were run on K(SGD)")
    gains = (own["least squares"] - own["logistic"]).dropna().groupby(level="task", sort=False)
    if not gains.ngroups:
        raise NotRun("no draw was fitted by both solvers")
    at = joint_level(gains.ngroups)
    found = {str(task): with_interval(each.to_numpy(dtype=float), error, at) for task, each in gains}
    verdict, condition = together(
        {f"the task is {task}": within(low, high) for task, (_, low, high) in found.items()}
    )
    widest = max(found, key=lambda task: abs(found[task][0]))
    middles = listed(f"{task} {100 * middle:.1f}" for task, (middle, _, _) in found.items())
    return Finding(
        verdict,
        f"accuracy of least squares minus that of logistic regression, the widest task ({widest})",
        *found[widest],
        over_what(int(gains.size()[widest]), at),
        clauses(condition, f"differences in points: {middles}"),
    )
