"""What models drawn at random around the pretrained one say of the way that training takes."""

from lintune.claims.cases import ranged
from lintune.claims.claim import Finding, Known, claim, side
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import LINEARIZATION


@claim(
    paper=LINEARIZATION,
    where="Algorithm 1, by a third party's report",
    known=Known.OURS,
    statement="Algorithm 1 estimates Lipschitz constants in the input from models drawn at random around the "
    "pretrained one; asked here is whether such draws also show the curvature in the parameters that our "
    "bounds need.",
    chapter="staying_near",
    section="Measured: how steep the ball is",
)
def random_models_show_the_local_constants(evidence: Evidence) -> Finding:
    """Holds if random directions turn the tangents at least half as fast as the way of training does.

    The constant looked at is the curvature in the parameters, ‖J − J₀‖/r, which the bounds between real and
    linear training need; of random directions the one with the largest counts. Holds if so at every radius,
    fails if at none, else not decided.
    """
    bending = part(evidence.chapter("staying_near"), "steepness", "bending")
    rows = table(bending, "direction", "radius", "curvature")
    moved = rows[rows.radius > 0]
    trained = moved[moved.direction == "training"].groupby("radius").curvature.max()
    drawn = moved[moved.direction != "training"].groupby("radius").curvature.max()
    shares = (drawn / trained).dropna()
    if shares.empty:
        raise NotRun("no radius with random directions and that of training")
    return ranged(
        side(shares.min(), shares.max(), 0.5),
        "largest curvature along random directions over that along the way of training",
        shares,
        f"range over {len(shares)} radii" if len(shares) > 1 else "",
        by="mean",
    )
