"""From lazy training to its end: the size of the change, and LoRA's scale in a language model."""

from collections.abc import Mapping

import pandas as pd

from lintune.claims.beyond_kernels.reading import STUDENTS
from lintune.claims.cases import clauses, from_where, over, ranged
from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import BEYOND_KERNELS
from lintune.studies import departure
from lintune.words import listed, several

# What is lost to a linear model up to this share counts as nothing, and from this share on as most.
_NOTHING, _MOST = 0.05, 0.5


@claim(
    paper=BEYOND_KERNELS,
    where="Section 1",
    known=Known.TEXT,
    statement="For small changes, ξ → 0, fine-tuning is lazy: a model linear in the weights learns the "
    "teacher.",
    chapter="beyond_kernels",
    section="The dial",
)
def lazy_for_small_changes(evidence: Evidence) -> Finding:
    """Holds if for every activation the share that no linear model can learn is at most 5 % at the least ξ.

    The share of E(f* − f)² has a closed form and is a mean over draws of teachers. Fails if it is above
    for every activation; else those for which it is not are named.
    """
    rows = _dial(evidence)
    there = rows[rows.ratio == rows.ratio.min()]
    held = dict(zip(there.activation, (there.share <= _NOTHING).astype(bool), strict=True))
    verdict, condition = over(held, "the activation is ")
    return Finding(
        verdict,
        f"share that no linear model learns at ξ/√k = {rows.ratio.min():g}, median over activations",
        float(there.share.median()),
        float(there.low.min()),
        float(there.high.max()),
        "range over draws and activations",
        clauses(condition, f"means: {_lost(there)}"),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="Section 1",
    known=Known.TEXT,
    statement="For changes of the order of √k, with a constant, the kernel picture fails completely (asked "
    "here: a model linear in the weights learns no more than half of the change).",
    chapter="beyond_kernels",
    section="The dial",
)
def not_lazy_at_root_k(evidence: Evidence) -> Finding:
    """Holds if for every activation half of the change or more is lost at ξ = √k and at all larger ξ.

    The share of E(f* − f)² that no linear model can learn has a closed form and is a mean over draws of
    teachers. An order leaves its constant open: where it takes more than 1, the least ξ/√k from which on
    half is lost is named, of those that were run. Fails if for no activation half is lost at the largest.
    """
    rows = _dial(evidence)
    most = rows.assign(most=rows.share >= _MOST).groupby("activation", sort=False)
    least = {str(name): from_where(each.set_index("ratio").most) for name, each in most}
    found = {name: each for name, each in least.items() if each is not None}
    verdict, condition = Verdict.FAILS, ""
    if found and max(found.values()) <= 1 and len(found) == len(least):
        verdict = Verdict.HOLDS
    elif found:
        verdict, condition = Verdict.ONLY_WHEN, _at_least(found)
    near = float(rows.ratio.iloc[(rows.ratio - 1).abs().argmin()])
    never = [name for name in least if name not in found]
    return ranged(
        verdict,
        "ξ/√k from which on no linear model learns half, median over activations",
        found.values(),
        f"range over {several(len(found), 'activation')}",
        clauses(
            condition,
            f"never up to {rows.ratio.max():g}: {listed(never)}" if never else "",
            f"lost at ξ/√k = {near:g}: {_lost(rows[rows.ratio == near])}",
        ),
    )


@claim(
    paper=BEYOND_KERNELS,
    where="title",
    known=Known.TEXT,
    statement="Low-rank fine-tuning lies between lazy training and feature learning (the paper's is a model"
    " of two layers; asked here is whether LoRA's scale leads from one to the other in a language"
    " model).",
    chapter="lazy_or_not",
    section="Where runs leave",
)
def lora_scale_is_a_dial(evidence: Evidence) -> Finding:
    """Holds if some scales stay on the side of their linear twin and others leave it, also in most draws.

    A scale has left if the median over draws and rates of the gap to the twin, on unseen examples after
    the last step, is above 0.1; of a draw, the median over its rates. Fails if all scales are on one
    side; not decided if the scales differ, but in fewer than half of the draws.
    """
    rows = table(evidence.result("departure.cpu").get("rows", []), "alpha", "rate", "step", "test_gap")
    ends = departure.horizons(rows)
    last = ends[ends.steps == ends.steps.max()]
    left = last.groupby("alpha").gap.median() > departure.THRESHOLD
    by_draw = last.groupby(["draw", "alpha"]).gap.median().unstack() > departure.THRESHOLD
    both = by_draw.any(axis=1) & ~by_draw.all(axis=1)
    if len(left) < 2:
        raise NotRun("only one scale was run")
    verdict = Verdict.OPEN if both.mean() < 0.5 else Verdict.HOLDS
    gone, stayed = (listed(f"{alpha:g}" for alpha in left.index[kept]) for kept in (left, ~left))
    return Finding(
        verdict if left.any() and not left.all() else Verdict.FAILS,
        "share of draws in which some scales have left and others have not",
        float(both.mean()),
        condition=f"left at α = {gone or 'none'}, not at {stayed or 'none'}, of {len(by_draw)} draws",
    )


def _dial(evidence: Evidence) -> pd.DataFrame:
    """Return the share that no linear model learns, by activation and `ratio`, ξ/√k."""
    rows = part(evidence.result(STUDENTS), "dial")
    return table(rows, "activation", "ratio", "share", "low", "high")


def _at_least(least: Mapping[str, float]) -> str:
    """Return in words the least ratio of each activation, those with the same one together."""
    named = {ratio: [name for name, each in least.items() if each == ratio] for ratio in least.values()}
    each = (f"{ratio:g} ({', '.join(names)})" for ratio, names in sorted(named.items()))
    return f"ξ/√k is at least {', '.join(each)}"


def _lost(there: pd.DataFrame) -> str:
    """Return in words the share that is lost by each activation at one ratio."""
    return listed(f"{row.activation} {row.share:.0%}" for row in there.itertuples())
