"""The two propositions: the form counts, not the set of matrices, and freer forms match a change better."""

import pandas as pd

from lintune.claims.cases import clauses, ranged, together
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, table
from lintune.claims.papers import DECOMPOSITION
from lintune.studies import decomposition as study
from lintune.words import several

_OPTIMISERS = {"gd": "gradient descent", "adam": "Adam"}
_ORDERS = {"FLoRA first": Verdict.HOLDS, "LoRA first": Verdict.FAILS, "mixed": Verdict.FAILS}


@claim(
    paper=DECOMPOSITION,
    where="Proposition 1",
    known=Known.TEXT,
    statement="The form of a decomposition, not the set of matrices that it writes, shapes how it trains.",
    chapter="decomposition",
    section="Reading (a): matching a given change",
)
def form_shapes_training(evidence: Evidence) -> Finding:
    """Holds if forms that write the same matrices end at different errors in every layer and optimiser.

    LoRA, TriLoRA and FLoRA of one rank match one change, each at its best learning rate. Two forms differ
    where the ranges of their final errors over the starts do not meet, in some pair of the three; by chance
    that is so in up to 3 of 10 cases with three starts. Does not hold if they differ in no case, or in no
    more than that share.
    """
    ends = _ends(evidence)
    if ends.groupby(["optimiser", "layer", "form"]).size().min() < 3:
        raise NotRun("fewer than three starts of each form")
    differ = pd.concat({name: study.apart(rows) for name, rows in ends.groupby("optimiser")})
    ratios = ends.groupby(["optimiser", "layer"]).apply(_worst_over_best)
    verdict, condition = Verdict.FAILS, ""
    if differ.all():
        verdict = Verdict.HOLDS
    elif differ.mean() > 0.3:
        verdict, condition = Verdict.ONLY_WHEN, f"these cases are meant: {_by_optimiser(differ)}"
    return ranged(
        verdict,
        "error of the worst form over that of the best, mean over layers and optimisers",
        ratios,
        f"range over {several(len(ratios), 'case')} of a layer and an optimiser",
        condition,
        by="mean",
    )


@claim(
    paper=DECOMPOSITION,
    where="Proposition 2",
    known=Known.TEXT,
    statement="Forms under fewer implied constraints represent a change of a weight better: FLoRA better "
    "than TriLoRA, and that better than LoRA.",
    chapter="decomposition",
    section="Reading (a): matching a given change",
)
def freer_forms_match_better(evidence: Evidence) -> Finding:
    """Holds if FLoRA ends nearest to a real change and LoRA farthest, in every layer, under both optimisers.

    Each form has the best learning rate of one grid, and errors are means over starts. Does not hold if
    the order holds under neither optimiser. Which order there is, and where forms are as near to one another
    as their starts are, is said beside it.
    """
    ends = _ends(evidence)
    by_optimiser = {str(name): rows for name, rows in ends.groupby("optimiser")}
    orders = {name: study.order(rows) for name, rows in by_optimiser.items()}
    verdict, condition = together(
        {f"{_OPTIMISERS.get(name, name)} is used": _ORDERS[order] for name, order in orders.items()}
    )
    said = (
        f"under {_OPTIMISERS.get(name, name)}: {study.order_in_words(rows)}"
        for name, rows in by_optimiser.items()
    )
    means = ends.groupby(["optimiser", "layer", "form"]).error.mean().unstack()
    ratios = means.FLoRA / means.LoRA
    return ranged(
        verdict,
        "final error of FLoRA over that of LoRA, mean over layers and optimisers",
        ratios,
        f"range over {several(len(ratios), 'case')} of a layer and an optimiser",
        clauses(condition, *said),
        by="mean",
    )


def _ends(evidence: Evidence) -> pd.DataFrame:
    """Return the end of every run of the chapter's race.

    Raises:
        NotRun: There is none, one of the three forms is missing, or some run left the finite numbers.
    """
    data = evidence.chapter("decomposition")
    races = table(data.get("matched"), "layer", "form", "optimiser", "errors", "floor")
    if set(races.form) != {"LoRA", "TriLoRA", "FLoRA"}:
        raise NotRun("not all three forms were matched")
    if min(len(errors[0]) for errors in races.errors) < 20:
        raise NotRun("fewer than 20 steps of matching")
    ends = study.matched(data["matched"])
    if ends.error.isna().any():
        raise NotRun("a run left the finite numbers")
    return ends


def _by_optimiser(differ: pd.Series) -> str:
    return ", ".join(
        f"{int(each.sum())} of {len(each)} layers under {_OPTIMISERS.get(str(name), name)}"
        for name, each in differ.groupby(level=0)
    )


def _worst_over_best(case: pd.DataFrame) -> float:
    means = case.groupby("form").error.mean()
    return float(means.max() / means.min())
