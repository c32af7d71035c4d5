"""Does LoRA keep the kernel?"""

from itertools import count

import numpy as np
import pandas as pd

from lintune import theory
from lintune.claims.cases import MARGIN, clauses, from_where
from lintune.claims.claim import Finding, Known, Verdict, claim, side
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.kernel_view.accuracy import over_what, standard_error, with_interval
from lintune.claims.papers import KERNEL_VIEW

_CHAPTER = "lora_keeps_kernel"
# That any entry leaves the bound.
_PROBABILITY = 0.05


@claim(
    paper=KERNEL_VIEW,
    where="Section 7",
    known=Known.MEMORY,
    statement="At its start LoRA has the kernel of the weights up to a Johnson-Lindenstrauss error: some "
    "entry is off by c²ε or more with probability at most 4 N² exp(−(ε² − ε³) r / 4).",
    chapter=_CHAPTER,
    section="On a language model",
)
def lora_tail_covers(evidence: Evidence) -> Finding:
    """Holds if the bound says something at every rank that was drawn, and no more than 5 % of draws leave it.

    A draw leaves it if an entry is off by more than is allowed with a probability of 95 %. Where the
    bound says nothing at a rank, draws are held against the tighter one that is proved in the chapter.
    Fails if more than 5 % of draws leave either. Not decided if it speaks at no rank that was drawn; if
    only at some, the claim holds only from the least rank on at which it speaks.
    """
    data = evidence.chapter(_CHAPTER)
    errors = table(data.get("errors", []), "rank", "worst", "beyond")
    gradients = int(data["gradients"])
    radius = {
        rank: theory.tail_radius(_PROBABILITY, int(rank), gradients, theory.known_tail)
        for rank in set(errors["rank"])
    }
    allowed = errors["rank"].map(radius).astype(float)
    outside = errors.beyond.astype(bool) | (errors.worst.astype(float) > allowed)
    least = next(
        rank
        for rank in count(1)
        if np.isfinite(theory.tail_radius(_PROBABILITY, rank, gradients, theory.known_tail))
    )
    verdict, condition = _where_it_speaks(np.isfinite(list(radius.values())), least, gradients)
    return Finding(
        Verdict.FAILS if outside.mean() > _PROBABILITY else verdict,
        f"draws of A that leave the bound, of {len(errors)}",
        float(outside.sum()),
        condition=condition,
    )


@claim(
    paper=KERNEL_VIEW,
    where="Section 7",
    known=Known.IMPLIED,
    statement="Implied: kernel regression with LoRA's kernel is about as accurate as with the kernel of the "
    "weights.",
    chapter=_CHAPTER,
    section="What it does to kernel regression",
)
def lora_kernel_regression_is_as_good(evidence: Evidence) -> Finding:
    """Holds if at every rank it is less than 2 points less accurate, by all of the 95 % interval.

    The interval is Student's over draws of A, the test examples being taken as given; of a single draw it is
    the normal one by the standard error 1/(2√m), the largest for m test examples. Not run where that error is
    above 0.1, for then everything would be about as accurate as everything else, or unless the kernel of the
    weights is that much better than zero-shot. Fails if at every rank all of the interval is below. If it
    holds from some rank on, this is named: ranks are asked from the largest down, each only where those
    before hold, which asks for no correction for their number. Else it is not decided.
    """
    rows = table(evidence.chapter(_CHAPTER).get("regressions", []), "kernel", "rank", "accuracy", "same")
    error = standard_error(float(evidence.parameters(_CHAPTER)["test_examples"]))
    alone = rows.set_index("kernel").accuracy.astype(float)
    if (
        not {"weights", "zero-shot", "lora"} <= set(rows.kernel)
        or alone["weights"] - alone["zero-shot"] <= error
    ):
        raise NotRun(
            "the kernel of the weights is no better than zero-shot, so that LoRA's has nothing to keep"
        )
    lora = rows[rows.kernel == "lora"].astype({"rank": int, "accuracy": float, "same": float})
    gained = (lora.accuracy - alone["weights"]).groupby(lora["rank"])
    found = {int(str(rank)): with_interval(each.to_numpy(), error) for rank, each in gained}
    verdict, condition = _from_rank(
        {rank: side(low, high, -MARGIN) for rank, (_, low, high) in found.items()}
    )
    worst = min(found, key=lambda rank: found[rank][0])
    return Finding(
        verdict,
        f"accuracy with LoRA's kernel minus that with the kernel of the weights, at the worst rank ({worst})",
        *found[worst],
        over_what(int(gained.size()[worst])),
        clauses(condition, _agreement(lora)),
    )


def _from_rank(said: dict[int, Verdict]) -> tuple[Verdict, str]:
    """Return the verdict over ranks, in rising order, and the condition on the rank."""
    least = from_where(pd.Series(said) == Verdict.HOLDS)
    if least == min(said):
        return Verdict.HOLDS, ""
    if set(said.values()) == {Verdict.FAILS}:
        return Verdict.FAILS, ""
    if least is not None:
        return Verdict.ONLY_WHEN, f"the rank is at least {least:g}"
    return Verdict.OPEN, ", ".join(f"{verdict} at rank {rank}" for rank, verdict in said.items())


def _where_it_speaks(speaks: np.ndarray, least: int, gradients: int) -> tuple[Verdict, str]:
    """Return the verdict of a bound that is left nowhere, by whether it speaks at each rank `(R,)`."""
    if speaks.all():
        return Verdict.HOLDS, ""
    if speaks.any():
        silent = f"below, the bound says nothing of these {gradients} gradients"
        return Verdict.ONLY_WHEN, clauses(f"the rank is at least {least}", silent)
    return Verdict.OPEN, clauses(
        f"the bound says nothing at any rank drawn (it speaks from {least} on)",
        "all draws were held against the tighter one that is proved in the chapter",
    )


def _agreement(lora: pd.DataFrame) -> str:
    """Return in words how often the predictions are those with the kernel of the weights."""
    same = lora.groupby("rank").same.mean()
    told = f"same answers as with the weights: {same.iloc[0]:.0%} at rank {same.index[0]}"
    return f"{told}, {same.iloc[-1]:.0%} at rank {same.index[-1]}"
