"""Does a prompt make fine-tuning start near its end, and near its kernel?"""

import numpy as np

from lintune.claims.cases import over, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun
from lintune.claims.kernel_view.grid import grid
from lintune.claims.papers import KERNEL_VIEW
from lintune.studies.behaviour import PROMPT, gaps, with_prompt
from lintune.words import several

# Of the norm that a uniform guess has; what is below counts as small.
_SMALL = 0.5


@claim(
    paper=KERNEL_VIEW,
    where="Section 5",
    known=Known.IMPLIED,
    statement="Implied: on a model as it is, with a suitable prompt, the output derivative is small before "
    "any training (the paper's statement is a limit of width, which is not tested here).",
    chapter="prompt_or_head",
    section="The test",
)
def output_derivative_is_small(evidence: Evidence) -> Finding:
    """Holds if on every task the norm of χ is below half of that of a uniform guess, √(1 − 1/C).

    It is the median over draws, on examples that nothing was fitted to; the half is ours, the paper's
    statement being about a limit. Fails if it is so on no task; else the tasks on which it is are named.
    """
    rows = grid(evidence)
    chance = rows[rows.way == "chance"].set_index("task").score.astype(float)
    starts = rows[(rows.function == PROMPT) & (rows.way == "zero-shot")].dropna(subset="chi_held_out")
    starts = starts[starts.task.isin(chance.index)]
    if starts.empty:
        raise NotRun("the output derivative of no prompted model was measured")
    # Chance of an accuracy is 1 / C.
    guess = np.sqrt(1 - starts.task.map(chance).to_numpy(dtype=float))
    starts = starts.assign(share=starts.chi_held_out.to_numpy(dtype=float) / guess)
    medians = starts.groupby("task", sort=False).share.median()
    small = {str(task): bool(median < _SMALL) for task, median in medians.items()}
    verdict, condition = over(small, "the task is ")
    return ranged(
        verdict,
        "norm of χ on unseen examples over that of a uniform guess, median",
        starts.share,
        f"range over {several(len(starts), 'draw')} of {several(starts.task.nunique(), 'task')}",
        condition,
    )


@claim(
    paper=KERNEL_VIEW,
    where="Figure 1, by its caption",
    known=Known.IMPLIED,
    statement="Implied: fine-tuning by SGD ends nearer to its kernel with a prompt than with a fresh head: "
    "the gap in score between the network and kernel regression is smaller.",
    chapter="prompt_or_head",
    section="The test",
)
def prompt_is_nearer_its_kernel(evidence: Evidence) -> Finding:
    """Holds if the size of the gap is smaller with the prompt, with all of its 95 % interval.

    Prompt and head are paired by draw, draws averaged by task, and the interval is Student's over tasks.
    Fails if it is larger; not decided where the interval holds 0.
    """
    found = with_prompt(gaps(grid(evidence)))
    if found["tasks"] < 2:
        raise NotRun("prompt and fresh head were compared on fewer than two tasks")
    said = {"smaller with the prompt": Verdict.HOLDS, "larger with the prompt": Verdict.FAILS}
    return Finding(
        said.get(found["verdict"], Verdict.OPEN),
        "size of the gap with the prompt minus that with a fresh head",
        found["difference"],
        found["low"],
        found["high"],
        f"95 % interval over {found['tasks']} tasks",
    )
