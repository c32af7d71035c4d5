"""Do a few rows or columns do as well as LoRA, and as well as more of them?"""

import numpy as np
import pandas as pd

from lintune.claims.cases import MARGIN, below, clauses, differing, joint_level, over_draws, together
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import ROCOFT
from lintune.studies import comparison as study


@claim(
    paper=ROCOFT,
    where="GLUE averages",
    known=Known.ACCOUNTS,
    statement="Training three rows, or columns, of each weight does as well as LoRA of rank 8, or better.",
    chapter="methods_in_one_picture",
    section="Against LoRA",
    number="85.65 (rows) and 85.55 (columns) against 84.32",
)
def as_good_as_lora(evidence: Evidence) -> Finding:
    """Holds if the test scores of rows and of columns are less than 2 points below those of LoRA.

    Scores are paired by task and draw, each method at the best of as many learning rates; the whole
    interval counts, at 97.5 % since rows and columns are two. Does not hold if one of the two lies below
    that with its whole interval, and the other not above it.
    """
    found = _against(evidence, study.BASE, ("rows 3", "columns 3"))
    verdict, condition = together(
        {
            f"{str(method).split()[0]} are trained": side(row.low, row.high, -MARGIN)
            for method, row in found.iterrows()
        }
    )
    worst = found.iloc[int(np.argmin(found.difference))]
    ways = (
        f"{str(method).split()[0]} {row.difference:.3f} ({row.low:.3f} to {row.high:.3f})"
        for method, row in found.iterrows()
    )
    return differing(
        verdict,
        f"test score minus LoRA's, the worse of rows and columns ({worst.name})",
        worst,
        over_draws(worst, joint_level(len(found))),
        condition and clauses(condition, ", ".join(ways)),
    )


@claim(
    paper=ROCOFT,
    where="Rank ablation",
    known=Known.ACCOUNTS,
    statement="Three rows of each weight are enough: more of them add little.",
    chapter="methods_in_one_picture",
    section="The fair comparison",
)
def three_are_enough(evidence: Evidence) -> Finding:
    """Holds if no larger number of rows that was trained gains 2 points or more, by the whole interval.

    Intervals of all numbers hold together with 95 % (Bonferroni). Numbers below six are little more than
    three; if only such were trained, that is the condition. Does not hold if one gains 2 points with its
    whole interval.
    """
    rows = table(evidence.result("methods.cpu").get("rows"), "what", "method")
    names = {str(name) for name in rows.method.dropna() if str(name).startswith("rows ")}
    counts = sorted(count for count in (int(name.split()[1]) for name in names) if count > 3)
    if not counts:
        raise NotRun("no more than three rows were trained")
    found = _against(evidence, "rows 3", [f"rows {count}" for count in counts])
    best = found.iloc[int(np.argmax(found.difference))]
    verdict, condition = below(found.low.max(), found.high.max(), MARGIN), ""
    if verdict == Verdict.HOLDS and counts[-1] < 6:
        verdict, condition = Verdict.ONLY_WHEN, f"more means {counts[-1]}: no larger number was trained"
    return differing(
        verdict,
        f"test score of {best.name} minus that of rows 3",
        best,
        over_draws(best, joint_level(len(found))),
        condition,
    )


def _against(evidence: Evidence, base: str, methods: tuple[str, ...] | list[str]) -> pd.DataFrame:
    """Return how the test scores of methods differ from those of one, by method, by intervals for all."""
    rows = table(evidence.result("methods.cpu").get("rows"), "what", "method", "task", "seed", "test_score")
    missing = {base, *methods} - set(rows.method[rows.what == "run"])
    if missing:
        raise NotRun(f"{sorted(missing)[0]} was not trained")
    found = study.against(rows, base, "test_score", list(methods), joint_level(len(methods)))
    found = found.set_index("method")
    if found.low.isna().any() or found["left out"].any():
        raise NotRun("one draw only, or runs that diverged")
    return found
