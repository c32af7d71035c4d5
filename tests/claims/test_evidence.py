"""Records are parsed once, noted with each check that consults them, and asked for their parts."""

from pathlib import Path
from typing import Any

import pytest

from lintune import records
from lintune.claims import Evidence, NotRun, table
from lintune.claims.evidence import part
from tests.claims.made import record


def test_each_notes_its_own_and_none_is_parsed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path, "one", {"a": 1}, seed=3)
    record(tmp_path, "two.cpu", {"b": 2})
    parsed: list[str] = []
    read = records.read

    def noted(path: Path) -> dict[str, Any]:
        parsed.append(path.stem)
        return read(path)

    monkeypatch.setattr(records, "read", noted)
    first = Evidence(tmp_path, tmp_path)
    assert first.chapter("one") == {"a": 1}
    assert first.parameters("one") == {"seed": 3}
    second = first.again()
    assert not second.read
    assert second.result("two.cpu") == {"b": 2}
    assert second.chapter("one") is first.chapter("one")
    assert first.result("two.cpu") == {"b": 2}
    assert sorted(second.again().read) == []
    assert list(second.read) == ["two.cpu", "one"]
    assert parsed == ["one", "two.cpu"]


def test_a_record_that_is_not_there_is_not_noted(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, tmp_path)
    with pytest.raises(NotRun, match="'one' was not executed"):
        evidence.chapter("one")
    with pytest.raises(NotRun, match="no reference record 'one.cpu'"):
        evidence.result("one.cpu")
    assert not evidence.read


def test_a_part_lies_at_a_path_of_names() -> None:
    data = {"a": {"b": [1]}, "empty": {"b": []}, "none": None, "zero": 0}
    assert part(data, "a", "b") == [1]
    assert part(data, "zero") == 0
    for names, why in (
        (("c",), "no c in"),
        (("a", "b", "c"), "no c in"),
        (("none",), "nothing under none"),
        (("empty", "b"), "nothing under b"),
    ):
        with pytest.raises(NotRun, match=why):
            part(data, *names)


def test_a_record_without_the_columns_is_too_small() -> None:
    with pytest.raises(NotRun, match="no value in the record"):
        table([{"other": 1}], "value")
    with pytest.raises(NotRun, match="no rows"):
        table([], "value")
