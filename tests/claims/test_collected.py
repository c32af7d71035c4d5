"""All claims together: enough of them, each with its place in the book and a rule to read."""

import inspect
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lintune.claims import Claim, Evidence, Verdict, judged
from lintune.claims.collected import CLAIMS

ROOT = Path(__file__).parents[2]
BIBLIOGRAPHY = (ROOT / "book/references.bib").read_text(encoding="utf-8")


class Listening(Evidence):
    """Notes whether a record was asked for."""

    asked = False

    def _data(self, path: Path, missing: str) -> Mapping[str, Any]:
        self.asked = True
        return super()._data(path, missing)


def test_at_least_forty_claims_of_five_papers_each_once() -> None:
    names = [claim.name for claim in CLAIMS]
    assert len(names) >= 40
    assert len(set(names)) == len(names)
    assert len(Counter(claim.paper.key for claim in CLAIMS)) == 5


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_has_its_place_in_a_chapter_and_states_its_rule(claim: Claim) -> None:
    chapter = ROOT / "notebooks" / f"{claim.chapter}.md"
    headings = [
        line.lstrip("#").strip()
        for line in chapter.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    ]
    assert claim.section in headings
    assert f"{{{claim.paper.key}," in BIBLIOGRAPHY
    assert len(inspect.getdoc(claim.check) or "") > 30
    assert not set("$`") & set(claim.statement + claim.number)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_is_not_run_where_there_is_no_record(claim: Claim, tmp_path: Path) -> None:
    evidence = Listening(tmp_path, tmp_path)
    # A few are arithmetic on what the paper prints, and ask for no record.
    assert (judged(claim, evidence).verdict is Verdict.NOT_RUN) == evidence.asked
