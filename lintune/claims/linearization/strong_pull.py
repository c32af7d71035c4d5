"""What a pull that grows does to the drift and to the gap between the real and the linear run."""

import pandas as pd

from lintune.claims.cases import clauses, from_where, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import LINEARIZATION
from lintune.studies.strengths import exponents
from lintune.words import several

# From this multiple of the kernel's largest eigenvalue on a pull counts as strong.
_STRONG = 10.0
# How far a slope may be from its power, and a gap over the drift that counts as close.
_OFF, _CLOSE = 0.1, 0.1


def _rows(evidence: Evidence) -> pd.DataFrame:
    needed = ("task", "method", "relative", "strength", "diverged", "drift", "gap")
    return table(part(evidence.result("bounds.cpu"), "rows"), *needed)


@claim(
    paper=LINEARIZATION,
    where="follows from the bounds; not seen in the paper",
    known=Known.OURS,
    statement="By accounts both distances are bounded by the strength of the pull. Reconstructed: under a "
    "strong pull the drift falls like 1/λ and the gap to the linear run like 1/λ².",
    chapter="real_against_linear",
    section="Measured under the bounds",
)
def distances_fall_like_powers_of_the_pull(evidence: Evidence) -> Finding:
    """Holds if for every task and method both slopes are within 0.1 of −1 and −2, fails if all miss one.

    Slopes on logarithmic axes, among pulls of at least ten times the kernel's largest eigenvalue. Else not
    decided.
    """
    rows = _rows(evidence)
    found = [each for _, group in rows.groupby("task") for each in exponents(group, _STRONG).values()]
    if len(found) < 2:
        raise NotRun("fewer than two tasks or methods with two strong pulls each")
    slopes = pd.DataFrame(found)
    near = {"drift": (slopes.drift + 1).abs() < _OFF, "gap": (slopes.gap + 2).abs() < _OFF}
    holds = all(each.all() for each in near.values())
    fails = any(not each.any() for each in near.values())
    return ranged(
        Verdict.HOLDS if holds else Verdict.FAILS if fails else Verdict.OPEN,
        "slope of the gap",
        slopes.gap,
        f"range over {several(len(slopes), 'pair')} of task and method",
        clauses(
            f"slope of the drift {slopes.drift.min():.2f} to {slopes.drift.max():.2f}",
            f"pulls of at least {_STRONG:g} times the largest eigenvalue",
        ),
        by="mean",
    )


@claim(
    paper=LINEARIZATION,
    where="title and abstract; bounds, by third parties' reports",
    known=Known.ACCOUNTS,
    statement="Fine-tuning with a pull to the start stays close to the training of the linearised model.",
    chapter="real_against_linear",
    section="Measured under the bounds",
)
def a_pull_keeps_fine_tuning_close_to_linear(evidence: Evidence) -> Finding:
    """Close: the parameters end within a tenth of their drift from those of the linear run.

    Holds if every run is close, holds only from some strength on if for a method all runs with that pull or
    a stronger one are, on all tasks; fails if not even the strongest pull makes all of any method close. A
    run that diverged is not close.
    """
    rows = _rows(evidence)
    shares = rows.gap / rows.drift
    close = ~rows.diverged & (shares < _CLOSE)
    by_strength = close.groupby([rows.method, rows.relative]).all().groupby(level="method")
    reached = {str(name): from_where(each.droplevel("method")) for name, each in by_strength}
    worded = [
        f"the pull is at least {least:g} times the kernel's largest eigenvalue ({name})"
        if least is not None
        else f"never ({name})"
        for name, least in reached.items()
    ]
    some = any(least is not None for least in reached.values())
    verdict = Verdict.HOLDS if close.all() else Verdict.ONLY_WHEN if some else Verdict.FAILS
    finite = shares[~rows.diverged]
    return ranged(
        verdict,
        "gap over drift, median",
        finite,
        f"range over {several(len(finite), 'run')} of different tasks, methods and strengths",
        clauses(*worded) if verdict is Verdict.ONLY_WHEN else "",
    )
