"""The bibliography: every entry is complete, leads somewhere and is cited; every citation has its entry."""

import re

import pytest
from pybtex.database import Entry, parse_file  # type: ignore[import-untyped]

from tests.pipeline.project import ROOT

ENTRIES = dict(parse_file(str(ROOT / "book/references.bib")).entries)
PAGES = sorted([*ROOT.glob("book/*.md"), *ROOT.glob("notebooks/*.md")])
ROLE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")


def cited(text: str) -> set[str]:
    """Return the keys that a text cites."""
    return {key.strip() for keys in ROLE.findall(text) for key in keys.split(",")}


CITED = {key: path.name for path in PAGES for key in cited(path.read_text(encoding="utf-8"))}


def test_roles_of_all_kinds_are_found() -> None:
    assert cited("{cite:p}`one2020,two2021`, {cite:t}`three2022` and {cite}`four`, not `five`") == {
        "one2020",
        "two2021",
        "three2022",
        "four",
    }


def test_every_citation_has_an_entry() -> None:
    assert {key: page for key, page in CITED.items() if key not in ENTRIES} == {}


def test_every_entry_is_cited() -> None:
    assert sorted(set(ENTRIES) - set(CITED)) == []


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
def test_an_entry_says_who_what_when_and_where(entry: Entry) -> None:
    assert entry.persons.get("author")
    assert entry.fields["title"]
    assert re.fullmatch(r"(18|19|20)\d\d", entry.fields["year"])
    if entry.type == "book":
        assert entry.fields["publisher"]
        return
    assert {"doi", "url", "eprint"} & set(entry.fields), "no link to the text"
    if "eprint" in entry.fields:
        assert entry.fields["archiveprefix"] == "arXiv"
        assert re.fullmatch(r"\d{4}\.\d{4,5}", entry.fields["eprint"])
    if entry.type != "misc":
        assert {"journal", "booktitle"} & set(entry.fields), "no venue"
