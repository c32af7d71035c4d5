"""Verdicts of claims that are about several cases or parts, and what the findings on them say."""

from collections.abc import Iterable, Mapping
from typing import Literal

import pandas as pd

from lintune.claims.claim import Finding, Verdict, side
from lintune.claims.evidence import NotRun
from lintune.words import listed, several

# Scores that differ by less than this are on a par: reported gaps are of one to two points.
MARGIN = 0.02


def over(holds: Mapping[str, bool], before: str = "") -> tuple[Verdict, str]:
    """Return whether something holds in all cases, in none, or in which.

    Args:
        holds: Whether it holds, by the name of the case.
        before: What goes before the cases in which it holds, where their names alone are no condition.

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
    return Verdict.ONLY_WHEN, f"{before}{listed(kept)} ({len(kept)} of {len(holds)})"


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
        return Verdict.ONLY_WHEN, f"{before}{held} ({clauses(*others)})"
    return Verdict.FAILS, clauses(*others)


def from_where(holds: pd.Series) -> float | None:
    """Return the least size from which on something holds; None where it does not at the largest.

    Args:
        holds: Whether it does, by size.
    """
    falling = holds.sort_index(ascending=False).astype(bool)
    kept = falling.index[falling.cummin()]
    return float(kept[-1]) if len(kept) else None


def below(low: float, high: float, threshold: float) -> Verdict:
    """Return whether a spread is below a threshold, where the less is the better; see `side`."""
    return side(-high, -low, -threshold)


def within(low: float, high: float, margin: float = MARGIN) -> Verdict:
    """Return whether a difference is smaller than a margin, whichever its sign, with all of its interval.

    Returns:
        `holds` where all of the interval is nearer to 0 than the margin, `does not hold` where all of it is
        on one side beyond, else `not decided`.
    """
    sides = {side(low, high, -margin), below(low, high, margin)}
    if sides == {Verdict.HOLDS}:
        return Verdict.HOLDS
    return Verdict.FAILS if Verdict.FAILS in sides else Verdict.OPEN


def joint_level(intervals: int) -> float:
    """Return at which level several intervals must be taken to hold together with 95 % (Bonferroni).

    A verdict that turns on the worst of several, or names those that pass, is about all of them at once.
    """
    return 1 - 0.05 / intervals


def percent(level: float) -> str:
    """Return a level in words, such as `97.5 %`."""
    return f"{100 * level:.3g} %"


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


def ranged(
    verdict: Verdict,
    quantity: str,
    values: Iterable[float],
    spread: str,
    condition: str = "",
    *,
    by: Literal["median", "mean", "min", "max"] = "median",
) -> Finding:
    """Return what was found of several values: the one that stands for all, and their range.

    Args:
        verdict: As of a finding; so are `quantity`, `spread` and `condition`.
        quantity: What the value is that stands for all.
        values: A value per case or draw; without any nothing was measured.
        spread: What the range is over.
        condition: When the claim holds, or what a reader must know.
        by: Which value stands for all.
    """
    found = pd.Series(list(values), dtype=float)
    if found.empty:
        return Finding(verdict, quantity, spread=spread, condition=condition)
    value, low, high = (float(found.agg(each)) for each in (by, "min", "max"))
    return Finding(verdict, quantity, value, low, high, spread, condition)


def over_draws(row: pd.Series, level: float = 0.95) -> str:
    """Return in words what the interval of a comparison is over: its `pairs` of draws and its `tasks`."""
    return f"{percent(level)} interval over {several(row.pairs, 'draw')} of {several(row.tasks, 'task')}"


def clauses(*said: str) -> str:
    """Return clauses as one text with semicolons between; those that say nothing are left out."""
    return "; ".join(filter(None, said))


def _named(parts: Mapping[str, Verdict], verdict: Verdict) -> str:
    return ", or ".join(name for name, each in parts.items() if each == verdict)
