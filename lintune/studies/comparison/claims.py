"""What the papers say of one method beside another, held against the comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pandas as pd

from lintune.studies.comparison.differences import (
    BETTER,
    NO_DIFFERENCE,
    OUTCOMES,
    WORSE,
    difference,
    judged,
    outcomes,
)

HOLDS, REVERSED, NOT_SHOWN = "holds", "the other way round", "not shown"


@dataclass(frozen=True)
class Claim:
    """One method is said to be better than another.

    Attributes:
        better: Name of the one, or a shell-style pattern of it. Where a paper says “near or above” it is held
            to the same: neither it nor we have a margin of loss for near.
        worse: Name of the other, likewise.
        group: What the claim is part of.
        last: Whether the last method that the first pattern names is meant, not the first.
    """

    better: str
    worse: str
    group: str
    last: bool = False


_ORDER, _ROCOFT, _PATTERNS, _FREEDOM = "order", "rows and columns", "patterns", "freedom"
CLAIMS = (
    Claim("FLoRA", "AdaLoRA", _ORDER),
    Claim("FLoRA", "TriLoRA", _ORDER),
    Claim("AdaLoRA", "LoRA", _ORDER),
    Claim("TriLoRA", "LoRA", _ORDER),
    Claim("rows *", "LoRA", _ROCOFT),
    Claim("columns *", "LoRA", _ROCOFT),
    Claim("rows *", "LoRA, rank *", _ROCOFT, last=True),
    Claim("columns *", "LoRA, rank *", _ROCOFT),
    Claim("LoRA + MPC_o", "LoRA", _PATTERNS),
    Claim("LoRA + MPC_d", "LoRA", _PATTERNS),
    Claim("parallel adapter", "LoRA", _PATTERNS),
    Claim("LoRA + MPC_o", "TriLoRA", _PATTERNS),
    Claim("LoRA + MPC_d", "TriLoRA", _PATTERNS),
    Claim("AdaLoRA", "AdaLoRA without MPC_o", _PATTERNS),
    Claim("DoRA", "LoRA", _FREEDOM),
    Claim("SSB", "SSL", _FREEDOM),
    Claim("SSB", "IA3", _FREEDOM),
)


def claims(rows: pd.DataFrame, outcome: str = "test_loss", which: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """Return the verdict on each claim whose two methods are in the comparison; all are one family.

    Args:
        rows: What `comparison` returns, with a column `task`.
        outcome: `test_loss` or `test_score`.
        which: The claims.

    Returns:
        A row per claim: `better`, `worse`, `group`, what `differences.difference` returns of the two,
        `adjusted`, and `verdict`: `holds`, `the other way round`, or what `differences.against` says besides.
    """
    wide = outcomes(rows, outcome)
    found = []
    for claim in which:
        names = [str(name) for name in wide]
        left = _named(claim.better, names[::-1] if claim.last else names)
        right = _named(claim.worse, names)
        if left is not None and right is not None:
            said = {"better": left, "worse": right, "group": claim.group}
            found.append(said | difference(wide[left], wide[right]))
    if not found:
        return pd.DataFrame(columns=["better", "worse", "group", "verdict"])
    table = judged(pd.DataFrame(found), OUTCOMES[outcome])
    return table.assign(verdict=table.verdict.replace({BETTER: HOLDS, WORSE: REVERSED}))


def order(table: pd.DataFrame, group: str = _ORDER) -> str:
    """Say of the claims of a group together whether they hold.

    Args:
        table: What `claims` returns.
        group: The group; without another one, the order FLoRA > AdaLoRA and TriLoRA > LoRA.

    Returns:
        `holds` where each does, `the other way round` where at least one is, `no clear difference` where none
        can be told from chance, else `not shown`.
    """
    said = list(table[table.group == group].verdict)
    if REVERSED in said:
        return REVERSED
    if said and set(said) == {HOLDS}:
        return HOLDS
    return NO_DIFFERENCE if set(said) == {NO_DIFFERENCE} else NOT_SHOWN


def _named(pattern: str, names: Sequence[str]) -> str | None:
    return next((name for name in names if fnmatchcase(name, pattern)), None)
