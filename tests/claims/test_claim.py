"""A claim is judged by its check; what the ledger shows of a finding is exact."""

import pytest

from lintune.claims import Evidence, Finding, Known, Verdict, claim, judged, side
from lintune.claims.papers import ROCOFT


def test_a_claim_carries_the_name_of_its_check() -> None:
    @claim(
        paper=ROCOFT,
        where="Section 3",
        known=Known.CODE,
        statement="It works.",
        chapter="rocoft",
        section="Claim",
    )
    def it_works(evidence: Evidence) -> Finding:
        """Holds always."""
        return Finding(Verdict.HOLDS, "")

    assert it_works.name == "it_works"
    assert it_works.check(Evidence()).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.1, 2, Verdict.HOLDS), (0.1, 0.9, Verdict.FAILS), (0.9, 1.1, Verdict.OPEN), (1, 2, Verdict.OPEN)],
)
def test_side_of_a_threshold(low: float, high: float, verdict: Verdict) -> None:
    assert side(low, high, 1.0) is verdict


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (None, None, None, ""),
        (0.12345, None, None, "0.123"),
        (-2.0, -3.0, 1.5, "\N{MINUS SIGN}2 (\N{MINUS SIGN}3 to 1.5)"),
        (3e-7, None, None, "3e\N{MINUS SIGN}7"),
        (123456.0, 1e5, 2e5, "123456 (100000 to 200000)"),
    ],
)
def test_a_number_with_its_spread(
    value: float | None, low: float | None, high: float | None, shown: str
) -> None:
    assert Finding(Verdict.HOLDS, "", value, low, high).ours == shown


def test_words_have_a_minus_sign_and_keep_their_hyphens() -> None:
    @claim(paper=ROCOFT, where="", known=Known.CODE, statement="", chapter="rocoft", section="")
    def numbers(evidence: Evidence) -> Finding:
        """Holds always."""
        return Finding(Verdict.HOLDS, "lora-1", spread="-0.5 to -.25", condition="two-sided, 1e-05 (-2 to 3)")

    found = judged(numbers, Evidence())
    assert found.quantity == "lora-1"
    assert found.spread == "\N{MINUS SIGN}0.5 to \N{MINUS SIGN}.25"
    assert found.condition == "two-sided, 1e\N{MINUS SIGN}5 (\N{MINUS SIGN}2 to 3)"
