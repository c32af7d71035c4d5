"""When not to follow advice: what the numbers at hand give reason to say, most often nothing or little."""

from collections.abc import Iterator, Mapping
from typing import Any

FEW = 16  # examples of a class: halves of eight teach and test on too little
NEARLY_ALL = 0.8  # share of candidates that tie with the first, above which the order says little


def cautions(found: Mapping[str, Any]) -> list[str]:
    """Return the cautions that hold here.

    Args:
        found: What `lintune.cli.advising.found.found` returns.
    """
    return [*_probed(found), *_order(found), *_losses(found), *_examples(found), *_rate(found)]


def _probed(found: Mapping[str, Any]) -> Iterator[str]:
    for probe in found["probes"]:
        if probe["verdict"] != "fails":
            continue
        why = "its real steps diverged" if probe["diverged"] else "its linear model fails"
        yield (
            f"{probe['candidate']}: {why}, so neither its predicted losses nor its suggested rate are to be "
            "relied on; try smaller rates too."
        )


def _order(found: Mapping[str, Any]) -> Iterator[str]:
    others = [row for row in found["rows"] if row["candidate"] != found["first"]]
    tied = sum(row["tie"] for row in others)
    if len(others) > 1 and tied >= NEARLY_ALL * len(others):
        yield (
            f"{tied} of {len(others)} other candidates tie with the first: the order says little here; take "
            f"the cheapest, {found['cheapest']}."
        )


def _losses(found: Mapping[str, Any]) -> Iterator[str]:
    first = found["rows"][0]
    loss, error = first["predicted held-out loss"], first["predicted held-out error"]
    start = found["start"]
    if loss >= start["loss"]:
        yield (
            f"the predicted held-out loss of the first, {loss:.3f}, is not below that of the model as it is, "
            f"{start['loss']:.3f}: no candidate is expected to learn from so few examples and steps."
        )
    elif loss >= found["chance"]:
        yield (
            f"the predicted held-out loss of the first, {loss:.3f}, is not below that of guessing, "
            f"{found['chance']:.3f}."
        )
    if start["error"] <= error:
        yield (
            f"the model as it is gets {start['error']:.0%} of the examples wrong, no more than the first is "
            f"predicted to get wrong when held out, {error:.0%}: do not train, or give more examples."
        )


def _examples(found: Mapping[str, Any]) -> Iterator[str]:
    if found["shots"] < FEW:
        yield (
            f"there are {found['shots']} examples of each class, fewer than {FEW}: another draw may well "
            "give another order."
        )


def _rate(found: Mapping[str, Any]) -> Iterator[str]:
    first = found["rows"][0]
    if first["at edge"]:
        yield (
            f"the suggested learning rate, {first['rate']:g}, is at the edge of the considered ones: one "
            "beyond may be better."
        )
