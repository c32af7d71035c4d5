"""A claim of a paper, and what its check found."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lintune.claims.evidence import Evidence


class Verdict(StrEnum):
    """What a check says of a claim."""

    HOLDS = "holds"
    ONLY_WHEN = "holds only when"
    FAILS = "does not hold"
    OPEN = "not decided"  # the spread of what was measured reaches to both sides
    NOT_RUN = "not run"  # a record is missing, or too small for the question


class Known(StrEnum):
    """Where the wording of a claim is known from."""

    TEXT = "the paper's text"
    CODE = "the authors' code"
    ACCOUNTS = "third-party accounts"
    MEMORY = "general accounts, unchecked"
    IMPLIED = "inferred by us, not stated"
    OURS = "reconstructed and proved here"


@dataclass(frozen=True)
class Paper:
    """One of the five papers.

    Attributes:
        key: Its key in the book's bibliography.
        short: Authors and year.
    """

    key: str
    short: str


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        verdict: What the numbers say of the claim.
        quantity: What `value` is, with its unit, such as `largest drift over its bound`.
        value: The number that the verdict rests on; None where nothing was measured.
        low: Lower end of the spread; None where there is none.
        high: Upper end of the spread.
        spread: What the spread is over, such as `range over 5 draws`.
        condition: When the claim holds, for `holds only when`; else what a reader must know, or nothing.
    """

    verdict: Verdict
    quantity: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    spread: str = ""
    condition: str = ""

    @property
    def ours(self) -> str:
        """Return the number with its spread, as the ledger shows it."""
        if self.value is None:
            return ""
        number = _short(self.value)
        if self.low is None or self.high is None:
            return number
        return f"{number} ({_short(self.low)} to {_short(self.high)})"


@dataclass(frozen=True)
class Claim:
    """One row of the ledger before it is checked.

    Attributes:
        name: The name of its check.
        paper: Whose claim it is.
        where: Where the paper says it.
        known: Where its wording is known from.
        statement: The claim in one sentence.
        chapter: The notebook that treats it.
        section: The heading there.
        number: The paper's number, empty where none is known.
        check: Judges the claim by the records.
    """

    name: str
    paper: Paper
    where: str
    known: Known
    statement: str
    chapter: str
    section: str
    number: str
    check: Callable[[Evidence], Finding]


def claim(
    *, paper: Paper, where: str, known: Known, statement: str, chapter: str, section: str, number: str = ""
) -> Callable[[Callable[[Evidence], Finding]], Claim]:
    """Make a claim of the function that checks it; its docstring says by which rule it judges."""

    def made(check: Callable[[Evidence], Finding]) -> Claim:
        return Claim(check.__name__, paper, where, known, statement, chapter, section, number, check)

    return made


def side(low: float, high: float, threshold: float) -> Verdict:
    """Return whether a spread, from its low to its high end, is above a threshold: the rule of most checks.

    Returns:
        `holds` where all of the spread lies above it, `does not hold` where all lies below, else `not
        decided`.
    """
    if low > threshold:
        return Verdict.HOLDS
    return Verdict.FAILS if high < threshold else Verdict.OPEN


def typeset(text: str) -> str:
    """Return text with a minus sign before each negative number and exponent; hyphens stay as they are."""
    plain = re.sub(r"(?<=\d)e([-+])0*(?=\d)", r"e\1", text).replace("e+", "e")
    return re.sub(r"(?<![\w)\]])-(?=\.?\d)|(?<=\de)-(?=\d)", "\N{MINUS SIGN}", plain)


def _short(number: float) -> str:
    """Return a number in three digits, whole where it is large, with a minus sign that is one."""
    return typeset(f"{number:.0f}" if 1e3 <= abs(number) < 1e6 else f"{number:.3g}")
