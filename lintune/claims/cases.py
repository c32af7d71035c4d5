"""Verdicts of claims that are about several cases or parts, and on differences between scores."""

from collections.abc import Iterable, Mapping

import pandas as pd

from lintune.claims.claim import Finding, Verdict, side
from lintune.claims.evidence import NotRun

# Scores that differ by less than this are on a par: reported gaps are of one to two points.
MARGIN = 0.02


def over(holds: Mapping[str, bool]) -> tuple[Verdict, str]:
    """Return whether something holds in all cases, in none, or in which.

    Args:
        holds: Whether it holds, by the name of the case.

    Returns:
        The verdict, and for `holds only when` the cases in words, else nothing.

    Raises:
        NotRun: There is no case.
    """
    if not holds:
        raise NotRun("no case in the record can be judged")
    kept = [name for name, held in holds.items() if held]
    if len(kept) == len(holds):
        return Verdict.HOLDS, ""
    if not kept:
        return Verdict.FAILS, ""
    return Verdict.ONLY_WHEN, f"{listed(kept)} ({len(kept)} of {len(holds)})"


def together(parts: Mapping[str, Verdict], before: str = "") -> tuple[Verdict, str]:
    """Return the verdict on all parts, and the condition under which it holds.

    Args:
        parts: Verdicts by what has to be so for the part to be meant, such as `rows are trained`.
        before: What goes before the parts that hold, where their names alone are no condition.

    Returns:
        `holds` where every part does, `holds only when` where some do; else `does not hold` where one does
        not, and `not decided` otherwise. The condition names the parts that differ.
    """
    said = set(parts.values())
    if said == {Verdict.HOLDS}:
        return Verdict.HOLDS, ""
    if said in ({Verdict.FAILS}, {Verdict.OPEN}):
        return said.pop(), ""
    held = _named(parts, Verdict.HOLDS)
    others = [
        f"{verdict}: {_named(parts, verdict)}" for verdict in (Verdict.FAILS, Verdict.OPEN) if verdict in said
    ]
    if held:
        return Verdict.ONLY_WHEN, f"{before}{held} ({'; '.join(others)})"
    return Verdict.FAILS, "; ".join(others)


def within(low: float, high: float, margin: float = MARGIN) -> Verdict:
    """Return whether a difference is smaller than a margin, whichever its sign, with all of its interval.

    Returns:
        `holds` where all of the interval is nearer to 0 than the margin, `does not hold` where all of it is
        on one side beyond, else `not decided`.
    """
    sides = {side(low, low, high, -margin), side(-high, -high, -low, -margin)}
    if sides == {Verdict.HOLDS}:
        return Verdict.HOLDS
    return Verdict.FAILS if Verdict.FAILS in sides else Verdict.OPEN


def differing(verdict: Verdict, quantity: str, row: pd.Series, spread: str, condition: str = "") -> Finding:
    """Return what was found of a `difference` with an interval from `low` to `high`."""
    return Finding(
        verdict,
        quantity,
        float(row["difference"]),
        float(row["low"]),
        float(row["high"]),
        spread,
        condition,
    )


def several(number: int, thing: str) -> str:
    """Return a number with what it counts, such as `1 draw` or `3 draws`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(names: Iterable[object]) -> str:
    """Return names as text, the last one after an "and"; nothing for no names."""
    words = list(map(str, names))
    if not words:
        return ""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def _named(parts: Mapping[str, Verdict], verdict: Verdict) -> str:
    return ", or ".join(name for name, each in parts.items() if each == verdict)
