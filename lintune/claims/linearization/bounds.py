"""Runs of fine-tuning under the bounds on how far they go and how far they stray from their linear twin."""

import pandas as pd

from lintune.claims.cases import ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import LINEARIZATION
from lintune.studies.strengths import BOUNDS, violations
from lintune.words import several


def _beneath(rows: pd.DataFrame, measured: str) -> Finding:
    """Return how measurements lie under their bound, in the runs that fulfil its premise."""
    bound = BOUNDS[measured]
    found = violations(rows).loc[bound]
    if not found.checked:
        raise NotRun("no run in the record fulfils the premise of the bound")
    held = rows[~rows.diverged & rows.settled.eq(True)]
    return ranged(
        Verdict.FAILS if found.broken else Verdict.HOLDS,
        f"{measured} over its bound, median",
        held[measured] / held[bound],
        f"range over {several(len(held), 'run')} of different tasks, methods and strengths",
        f"the regularised loss never rose above its start in {len(held)} of {len(rows)} runs",
    )


def _rows(evidence: Evidence) -> pd.DataFrame:
    needed = {"diverged", "settled", "rounding", *BOUNDS, *BOUNDS.values()}
    return table(part(evidence.result("bounds.cpu"), "rows"), *sorted(needed))


@claim(
    paper=LINEARIZATION,
    where="Theorem 2, by third parties' reports",
    known=Known.OURS,
    statement="By accounts the distance from the pretrained weights is bounded by the strength of the pull. "
    "Reconstructed: ‖θ − θ₀‖ ≤ √(2R₀/λ), and ≤ G√(2R₀)(1 − (1 − ηλ)ᵗ)/λ, for the pull always on.",
    chapter="staying_near",
    section="The pull always on",
)
def drift_stays_under_its_bound(evidence: Evidence) -> Finding:
    """Holds if no run drifts farther than the smaller bound, fails if one does.

    Runs count whose regularised loss never rose above its start, which the bounds presuppose; G is the
    largest slope at the points of the run that were looked at.
    """
    return _beneath(_rows(evidence), "drift")


@claim(
    paper=LINEARIZATION,
    where="bound between the fine-tuned and the linearised model, by third parties' reports",
    known=Known.OURS,
    statement="By accounts the fine-tuned parameters stay within a bound of those of the linearised run. "
    "Reconstructed, with the drift, slope and curvature that a run shows of itself.",
    chapter="real_against_linear",
    section="Measured under the bounds",
)
def gap_to_the_linear_run_stays_under_its_bound(evidence: Evidence) -> Finding:
    """Holds if no run ends farther from its linear twin than the bound on ‖θ − θ̄‖, fails if one does.

    Runs count whose regularised loss never rose above its start, which the bound presupposes.
    """
    return _beneath(_rows(evidence), "gap")
