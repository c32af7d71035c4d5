"""Proximal training of the linear model as regression with its kernel, as a whole and mode by mode."""

from typing import Any

import numpy as np

from lintune.claims.cases import ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, part
from lintune.claims.papers import LINEARIZATION
from lintune.regression import GradientFlow
from lintune.words import several

# Distances over that of the start from the targets; float32 rounding of some steps stays below.
_ROUNDING = 1e-4
# A loss over that at the start counts as told by the modes from here on.
_TOLD = 1e-3


@claim(
    paper=LINEARIZATION,
    where="equivalence with kernel regression, by third parties' reports",
    known=Known.OURS,
    statement="By accounts fine-tuning with a pull to the start is regression with the tangent kernel. "
    "Proved here for the linearised model, at every step and on any text.",
    chapter="proximal_is_ridge",
    section="Checked on this model",
)
def proximal_training_is_kernel_ridge_regression(evidence: Evidence) -> Finding:
    """Holds if the linear model, trained in its weights, stays on the closed form up to float32 rounding.

    Largest distance of outputs over steps, on training texts over the residual at the start, on other texts
    over what was learnt there; 0.0001 is the limit, for every pull. Else it fails.
    """
    runs = part(evidence.chapter("proximal_is_ridge"), "runs")
    found = [part(run, "linear", key) for run in runs for key in ("difference", "other_difference")]
    return ranged(
        Verdict.HOLDS if max(found) < _ROUNDING else Verdict.FAILS,
        "largest distance from the closed form",
        found,
        f"range over {several(len(runs), 'pull')}, on texts trained on and on others",
        by="max",
    )


@claim(
    paper=LINEARIZATION,
    where="bounds by the spectrum of the kernel, by third parties' reports",
    known=Known.OURS,
    statement="By accounts the spectrum of the kernel governs training. Proved here: each mode is learnt at "
    "the rate of its eigenvalue plus λ, up to the ceiling lᵢ/(lᵢ + λ).",
    chapter="proximal_is_ridge",
    section="Where the target is",
)
def the_target_is_learnt_mode_by_mode(evidence: Evidence) -> Finding:
    """Holds if eigenvalues and the target's shares in them tell the loss of the trained linear model.

    That is: at every step within a thousandth of the loss at the start, and at least ten times as near as
    one rate for all modes comes, that of the mean eigenvalue. Else it fails.
    """
    data = evidence.chapter("proximal_is_ridge")
    values, shares = (np.array(part(data, "modes", key)) for key in ("eigenvalues", "shares"))
    even = np.full(len(values), values.mean())
    runs = part(data, "runs")
    told = [_missed(run, values, shares) for run in runs]
    single = [_missed(run, even, shares) for run in runs]
    holds = max(told) < _TOLD and all(10 * one < other for one, other in zip(told, single, strict=True))
    return ranged(
        Verdict.HOLDS if holds else Verdict.FAILS,
        "largest error in the loss, over that at the start",
        told,
        f"range over {several(len(runs), 'pull')}",
        f"with one rate for all modes the error would be {max(single):.2g}",
        by="max",
    )


def _missed(run: Any, values: np.ndarray, shares: np.ndarray) -> float:
    """Return by how much modes miss the loss of a run of the linear model, over that at the start."""
    loss = np.array(part(run, "linear", "loss"))
    strength, step = part(run, "closed", "strength"), part(run, "closed", "step")
    modes = GradientFlow(np.diag(values), np.sqrt(2 * loss[0] * shares), strength, step=step)
    return float(np.abs(modes.loss(np.arange(len(loss))) - loss).max() / loss[0])
