"""Does a step with a few rows or columns cost less than one with LoRA?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lintune.claims.cases import below, ranged, together
from lintune.claims.claim import Finding, Known, claim
from lintune.claims.evidence import Evidence, NotRun
from lintune.claims.papers import ROCOFT
from lintune.claims.rocoft.distance import KINDS
from lintune.words import several

_MEASURES = {"cpu": "time", "peak": "memory"}


@claim(
    paper=ROCOFT,
    where="Abstract",
    known=Known.ACCOUNTS,
    statement="A step of training with three rows, or columns, takes less time and less memory than with "
    "LoRA (of about as many parameters: the equal budget is ours).",
    chapter="rocoft",
    section="What a step costs",
)
def cheaper_than_lora(evidence: Evidence) -> Finding:
    """Holds if processor time and peak memory are below LoRA's in every round, for rows and for columns.

    Ratios are taken within a round, to LoRA of the rank with the nearest number of parameters, all in this
    library's code. Does not hold if one is above LoRA's in every round and none is below in every one.
    """
    data = evidence.result("benchmark_training.cpu")
    ratios = {
        f"{measure} with {kind}": _ratios(data, kind, key)
        for kind in KINDS
        for key, measure in _MEASURES.items()
    }
    if min(map(len, ratios.values())) < 2:
        raise NotRun("fewer than two rounds of the benchmark")
    verdict, condition = together(
        {name: below(min(each), max(each), 1.0) for name, each in ratios.items()}, "the cost is "
    )
    worst = max(ratios, key=lambda name: float(np.median(ratios[name])))
    return ranged(
        verdict,
        f"cost over LoRA's, median, the least favourable of time and memory ({worst})",
        ratios[worst],
        f"range over {several(len(ratios[worst]), 'round')}",
        condition,
    )


def _ratios(data: Mapping[str, Any], kind: str, key: str) -> Sequence[float]:
    """Return a cost of a kind over that of LoRA of the nearest rank, round by round."""
    runs = data.get("runs") or {}
    rank = (data.get("equal_budget") or {}).get(kind)
    one, other = (
        {run["round"]: run[key] for run in runs.get(name) or [] if run.get(key)}
        for name in (kind, f"lora-{rank}")
    )
    return [one[place] / other[place] for place in one if place in other]
