"""The selective pull: what it does to the loss, and whether it holds the weights."""

from lintune.claims.cases import clauses, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, part
from lintune.claims.papers import LINEARIZATION
from lintune.studies.nearness import switched
from lintune.words import several

# A pull that is always on and takes less than this share off the drift leaves nothing to compare with.
_FELT = 0.1


@claim(
    paper=LINEARIZATION,
    where="Eq. (8) and Theorem 1, by third parties' reports",
    known=Known.ACCOUNTS,
    statement="With a pull that is on only while a step down the loss leads back to the start, the training "
    "loss never rises.",
    chapter="staying_near",
    section="The selective pull",
)
def loss_never_rises_under_the_selective_pull(evidence: Evidence) -> Finding:
    """Fails if the loss rose beyond rounding in a step of gradient descent on the whole training set.

    If it rose in none and the pull acted in at least one update after the first, it holds only for steps
    like these: the proof is for gradient flow, and for steps of any size the chapter has a
    counter-example. Not decided if the pull never acted, since such a run is one without a pull.
    """
    data = evidence.chapter("staying_near")
    runs = [switched(run) for run in part(data, "drifts", "selective")]
    runs += [run for run in part(data, "acting") if run["rises"] is not None]
    rises, acts = (sum(run[key] for run in runs) for key in ("rises", "acts"))
    verdict = Verdict.FAILS if rises else Verdict.ONLY_WHEN if acts else Verdict.OPEN
    acted = f"the pull acted in {acts} of {sum(run['steps'] - 1 for run in runs)} updates"
    short = "steps are as short for their gradients as here; for any length the chapter has a counter-example"
    return Finding(
        verdict,
        quantity="steps in which the loss rose",
        value=rises,
        condition=clauses(short if verdict is Verdict.ONLY_WHEN else "", acted),
    )


@claim(
    paper=LINEARIZATION,
    where="Eq. (8) with Theorem 2, by third parties' reports",
    known=Known.OURS,
    statement="By accounts the drift is bounded by the strength of the pull, and the pull is selective: "
    "taken together (by us), the selective pull holds the weights near.",
    chapter="staying_near",
    section="Measured: drift",
)
def selective_pull_holds_the_weights(evidence: Evidence) -> Finding:
    """Holds if it takes at least half as much off the drift as the same pull always on, at every strength.

    Both are held against gradient descent without a pull for as long. Fails if it takes less than half at
    every strength, else not decided. Strengths count at which the pull always on takes a tenth off or more.
    """
    drifts = part(evidence.chapter("staying_near"), "drifts")
    free = part(drifts, "none", "drift")[-1]
    pairs = [
        (free - always["drift"][-1], free - selective["drift"][-1])
        for always, selective in zip(part(drifts, "always"), part(drifts, "selective"), strict=True)
    ]
    shares = [selective / always for always, selective in pairs if always > _FELT * free]
    if not shares:
        raise NotRun("no pull in the record is strong enough to be felt")
    return ranged(
        side(min(shares), max(shares), 0.5),
        "what the selective pull takes off the drift, over what the pull always on takes off",
        shares,
        f"range over {several(len(shares), 'strength')}",
        "proved in the chapter: on a linear model it never acts, and no bound with λ holds for it",
        by="mean",
    )
