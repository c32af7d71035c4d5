"""How far to trust advice: what a few real steps said, and what ties with the first."""

from collections.abc import Mapping
from typing import Any

from lintune.advise import DESCRIBES, GUIDES
from lintune.cli.advising.quantities import amount, duration

_SAYS = {
    "describes": "the linear model describes its training",
    "guides": "the linear model is a guide to the order, no description of its training",
    "fails": "the linear model fails for it",
}


def trust(found: Mapping[str, Any]) -> list[str]:
    """Return the lines of the trust report.

    Args:
        found: What `lintune.cli.advising.found.found` returns.
    """
    lines = [line for probe in found["probes"] for line in _probed(probe)]
    if not lines:
        lines = ["no real step was made (--probe-steps 0): nothing here says whether the prediction holds."]
    return [*lines, *_ties(found), _default(found)]


def _probed(probe: Mapping[str, Any]) -> list[str]:
    steps = len(probe["predicted"]) - 1
    share = "all" if probe["share"] is None else f"{probe['share']:.0%}"
    end = "overflow" if probe["real end"] is None else f"{probe['real end']:.3f}"
    diverged = "; the real steps diverged" if probe["diverged"] else ""
    return [
        f"{probe['candidate']}, tried in {duration(probe['seconds'])}: {_SAYS[probe['verdict']]}. Where "
        f"training is predicted to end, it gets {share} of the change of the outputs wrong (it describes up "
        f"to {DESCRIBES:.0%}, guides up to {GUIDES:.0%}){diverged}.",
        f"loss of the batches of {steps} real step{'s' * (steps != 1)}: {_losses(probe['real'])}; predicted "
        f"{_losses(probe['predicted'])}; at the predicted end {end}, predicted {probe['predicted end']:.3f}.",
    ]


def _losses(values: list[float | None]) -> str:
    return " ".join("none" if value is None else f"{value:.3f}" for value in values)


def _ties(found: Mapping[str, Any]) -> list[str]:
    rows = {row["candidate"]: row for row in found["rows"]}
    tied = [name for name, row in rows.items() if row["tie"] and name != found["first"]]
    if not tied:
        return ["no other candidate ties with the first within one standard error."]
    cheapest = rows[found["cheapest"]]
    count = "1 other candidate ties" if len(tied) == 1 else f"{len(tied)} other candidates tie"
    which = (
        "the first is the cheapest of them"
        if found["cheapest"] == found["first"]
        else f"the cheapest of them is {found['cheapest']} ({amount(cheapest['parameters'])} parameters, "
        f"{duration(cheapest['seconds'])})"
    )
    return [f"{count} with the first within one standard error, of {len(rows)}; {which}."]


def _default(found: Mapping[str, Any]) -> str:
    usual = found["usual"]
    if usual["why"]:
        return f"the usual default, {usual['candidate']}, {usual['why']}."
    if found["default"] == found["first"]:
        return f"the first is the usual default, {found['default']}."
    row = next(row for row in found["rows"] if row["candidate"] == found["default"])
    side = "above" if row["apart"] >= 0 else "below"
    tie = ", a tie" if row["tie"] else ""
    return (
        f"the predicted held-out loss of the usual default, {found['default']}, is {abs(row['apart']):.3f} "
        f"{side} that of the first, with standard error {row['error']:.3f}{tie}."
    )
