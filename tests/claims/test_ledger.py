"""The ledger judges every claim by the records that it finds, and says which these were."""

from dataclasses import replace
from pathlib import Path

from lintune.claims import Evidence, Finding, Known, Verdict, claim, ledger, page, table
from lintune.claims.papers import ROCOFT
from tests.claims.made import record


@claim(
    paper=ROCOFT,
    where="Table 1",
    known=Known.ACCOUNTS,
    statement="a < b & c",
    chapter="rocoft",
    section="The claim",
    number="3",
)
def small(evidence: Evidence) -> Finding:
    """Holds if every value is below 2."""
    values = table(evidence.chapter("one")["rows"], "value").value
    verdict = Verdict.HOLDS if values.max() < 2 else Verdict.FAILS
    return Finding(verdict, "largest value", float(values.max()), float(values.min()), float(values.max()))


def evidence(folder: Path, *values: float) -> Evidence:
    """Return access to a chapter's record with these values."""
    record(folder, "one", {"rows": [{"value": value} for value in values]}, seeds=[0, 1])
    return Evidence(folder, folder)


def test_a_row_has_the_verdict_the_number_and_what_it_was_run_on(tmp_path: Path) -> None:
    made = evidence(tmp_path, 0.5, 1.5)
    (row,) = ledger([small], lambda: made).to_dict("records")
    assert (row["verdict"], row["ours"], row["number"]) == ("holds", "1.5 (0.5 to 1.5)", "3")
    assert row["run_on"].startswith("tiny; mr; 2 seeds; cpu, float32")
    assert row["records"] == ["one"]


def test_the_verdict_follows_the_records(tmp_path: Path) -> None:
    made = evidence(tmp_path, 0.5, 2.5)
    assert ledger([small], lambda: made).verdict.tolist() == ["does not hold"]


def test_a_missing_record_is_not_run(tmp_path: Path) -> None:
    (row,) = ledger([small], lambda: Evidence(tmp_path, tmp_path)).to_dict("records")
    assert (row["verdict"], row["ours"]) == ("not run", "")
    assert "'one' was not executed" in row["condition"]


def test_a_record_is_noted_with_every_claim_that_it_was_consulted_for(tmp_path: Path) -> None:
    made = evidence(tmp_path, 0.5)
    nothing = replace(small, check=lambda _: Finding(Verdict.HOLDS, ""))
    assert ledger([small, nothing, small], lambda: made).records.tolist() == [["one"], [], ["one"]]


def test_the_page_links_row_chapter_and_check_and_escapes_what_it_shows(tmp_path: Path) -> None:
    made = evidence(tmp_path, 0.5)
    rows = ledger([small], lambda: made)
    shown = page.table(rows, lambda chapter, section: f"{chapter}.html#{section}")
    assert 'href="rocoft.html#The claim"' in shown
    assert "a &lt; b &amp; c" in shown
    below = page.checks([small], rows)
    assert 'id="check-small"' in below
    assert 'href="#check-small"' in shown
    assert "Holds if every value is below 2." in below
    assert "Records read: one." in below
