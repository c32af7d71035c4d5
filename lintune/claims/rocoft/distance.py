"""Is the kernel of a few rows or columns near that of all weights?"""

import pandas as pd

from lintune.claims.cases import clauses, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import ROCOFT
from lintune.words import listed

KINDS = ("rows", "columns")
# A kernel of fewer texts than this has too few pairs to be near or far.
TEXTS = 6
WAYS = {
    "none": "taken as they are",
    "trace": "scaled to one trace",
    "frobenius": "scaled to one Frobenius norm",
    "centred": "centred over the examples",
}


@claim(
    paper=ROCOFT,
    where="Abstract, kernel experiments",
    known=Known.ACCOUNTS,
    statement="The tangent kernel of the first few rows, or columns, of each weight is numerically close to "
    "the kernel of all weights (asked here: nearer than kernels that know nothing of the examples).",
    chapter="rocoft",
    section="How near are the kernels?",
)
def kernel_of_a_few_is_near(evidence: Evidence) -> Finding:
    """Near is what lies nearer than kernels that know nothing of the examples: shuffled and constant ones.

    Holds if the kernels of the first rows and of the first columns are, taken as they are, scaled to one
    trace, scaled to one Frobenius norm, and centred; does not hold if none is in any of these ways. The
    plain centred distances are said beside it.
    """
    nearness = compared_with_chance(evidence)
    near = nearness < 1
    if near.to_numpy().all():
        verdict, condition = Verdict.HOLDS, ""
    elif not near.to_numpy().any():
        verdict, condition = Verdict.FAILS, ""
    else:
        held = [_held(str(kind), list(row)) for kind, row in near.iterrows() if row.any()]
        verdict, condition = Verdict.ONLY_WHEN, ", or ".join(held)
    return ranged(
        verdict,
        "centred distance over that of a shuffled kernel, the larger of rows and columns",
        nearness["centred"],
        "rows and columns",
        clauses(condition, _plain(evidence)),
        by="max",
    )


def compared_with_chance(evidence: Evidence) -> pd.DataFrame:
    """Return the distance of the first rows and columns over the least at chance, by way of comparing.

    Raises:
        NotRun: The distances or those at chance are missing.
    """
    distances, count = tabled(evidence)
    chance = table(evidence.chapter("rocoft").get("chance"), "rule", *WAYS)
    least = chance.astype(dict.fromkeys(WAYS, float)).groupby("rule")[list(WAYS)].mean().min()
    first = distances[distances.rule == "first"].set_index("kind")
    missing = [kind for kind in KINDS if kind not in first.index]
    if missing:
        raise NotRun(f"no distance of the first {count} {missing[0]}")
    return first.loc[list(KINDS), list(WAYS)] / least


def _plain(evidence: Evidence) -> str:
    """Return in words how far the first rows and columns are, centred, not held against chance."""
    distances, count = tabled(evidence)
    far = distances[distances.rule == "first"].set_index("kind").centred
    told = listed(f"{far[kind]:.2g} for the first {count} {kind}" for kind in KINDS)
    return f"the centred distance itself is {told}"


def tabled(evidence: Evidence) -> tuple[pd.DataFrame, int]:
    """Return the chapter's distances at the count of its table, and that count.

    Raises:
        NotRun: There are none, or those of fewer than `TEXTS` texts.
    """
    data = evidence.chapter("rocoft")
    distances = table(data.get("distances"), "kind", "count", "rule", *WAYS)
    if data.get("texts", 0) < TEXTS:
        raise NotRun(f"kernels of fewer than {TEXTS} texts")
    count = int(evidence.parameters("rocoft")["layer_count"])
    at = distances[distances["count"] == count]
    if at.empty:
        raise NotRun(f"no distance at {count} rows or columns")
    return at.astype(dict.fromkeys(WAYS, float)), count


def _held(kind: str, near: list[bool]) -> str:
    """Return in words the ways of comparing, of all `WAYS`, in which a kind is near."""
    ways = [phrase for phrase, each in zip(WAYS.values(), near, strict=True) if each]
    return f"{kind} are chosen and the kernels are {', or '.join(ways)}"
