"""LoRA's kernel at the start: a projection of that of the weights, and what it says of LoRA's training."""

import numpy as np

from lintune.claims.cases import below, clauses, from_where, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import LINEARIZATION
from lintune.studies.intervals import interval
from lintune.studies.lora_coordinates import summary
from lintune.words import several

# Power of the rank by which the error of a random projection falls, and how far off it an interval may reach.
_POWER, _NEAR = -0.5, 0.25
# Distance from LoRA's outputs, over the way that these went, at which a model still describes them.
_CLOSE = 0.1


@claim(
    paper=LINEARIZATION,
    where="kernel of LoRA in the experiments; not stated in what we have seen",
    known=Known.OURS,
    statement="The paper takes the kernel of LoRA at its start. Proved here: it is a random projection of "
    "the kernel of the weights, with an error that falls like one over the root of the rank.",
    chapter="lora_coordinates",
    section="The projection",
)
def lora_kernel_is_a_projection_of_the_full_one(evidence: Evidence) -> Finding:
    """Holds if all of the 95 % interval of the power is within 0.25 of −1/2.

    Power of the rank by which the error of the rescaled kernel falls, fitted for each draw of A; Student's
    interval over draws. Not decided where the interval is wider and holds −1/2, else it fails.
    """
    rows = table(part(evidence.chapter("lora_coordinates"), "projections"), "rank", "seed", "error")
    if rows["rank"].nunique() < 3 or rows.seed.nunique() < 3:
        raise NotRun("fewer than three ranks or draws of A")
    powers = [
        np.polyfit(np.log(group["rank"]), np.log(group.error), 1)[0] for _, group in rows.groupby("seed")
    ]
    value, low, high = interval(powers)
    near = low > _POWER - _NEAR and high < _POWER + _NEAR
    wide = Verdict.OPEN if low <= _POWER <= high else Verdict.FAILS
    return Finding(
        Verdict.HOLDS if near else wide,
        quantity="power of the rank by which the error falls",
        value=value,
        low=low,
        high=high,
        spread=f"95 % interval over {len(powers)} draws of A",
    )


@claim(
    paper=LINEARIZATION,
    where="kernel in the published script",
    known=Known.IMPLIED,
    statement="Implied: the kernel of LoRA's factors at the start describes LoRA's training.",
    chapter="lora_coordinates",
    section="Real LoRA and its relatives",
)
def the_kernel_of_the_factors_describes_lora(evidence: Evidence) -> Finding:
    """Holds if the model linear in (A, B) ends near real LoRA in every run, fails if in none.

    Near: within a tenth of the way that LoRA's training outputs went. Holds only from a scale on if all
    runs with this α or a larger one are near; else not decided.
    """
    rows = summary(part(evidence.chapter("lora_coordinates"), "races"))
    near = (rows.factors < _CLOSE).groupby(rows.alpha).all()
    least = from_where(near)
    some = Verdict.OPEN if least is None else Verdict.ONLY_WHEN
    verdict = Verdict.HOLDS if near.all() else some
    return ranged(
        Verdict.FAILS if (rows.factors >= _CLOSE).all() else verdict,
        "distance from LoRA's outputs over their way, median",
        rows.factors,
        f"range over {several(rows.seed.nunique(), 'draw')} of A and {several(len(near), 'scale')}",
        clauses(
            f"α is at least {least:g}" if verdict is Verdict.ONLY_WHEN else "",
            f"linear in the product: {rows['product'].min():.2g} to {rows['product'].max():.2g}",
        ),
    )


@claim(
    paper=LINEARIZATION,
    where="regularisation by AdamSPD, credited in the published notes",
    known=Known.IMPLIED,
    statement="Implied: with its anchor at zero, as is advised for LoRA, the pull keeps LoRA's A nearer to "
    "where it was drawn than no pull does.",
    chapter="staying_near",
    section="Measured: the anchor of AdamSPD",
)
def an_anchor_at_zero_keeps_lora_near(evidence: Evidence) -> Finding:
    """Holds if A ends nearer to its draw than without a pull, fails if farther, in both forms of the pull.

    The forms are AdamSPD's projection and a penalty in the loss, both to zero. Else not decided.
    """
    runs = part(evidence.chapter("staying_near"), "anchored")
    free = part(runs, "no pull", "moved")[-1]
    found = [part(runs, f"{form} to zero", "moved")[-1] for form in ("projection", "penalty")]
    if not free:
        raise NotRun("A did not move in the record")
    shares = [each / free for each in found]
    return ranged(
        below(min(shares), max(shares), 1.0),
        "‖A − A₀‖ with the anchor at zero over that without a pull",
        shares,
        "range over projection and penalty",
        by="mean",
    )
