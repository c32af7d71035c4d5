"""Notebook sources and what they lean on."""

from pathlib import Path

import pytest

from pipeline.sources import all_sources, records_of


def test_a_notebook_depends_on_the_records_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    for name in ("one.cpu.json", "two.cpu.json"):
        (tmp_path / "results" / name).write_text("{}")
    source = tmp_path / "chapter.md"
    source.write_text('records.read(Path("results/two.cpu.json")), Path("results/gone.json")')
    assert records_of(source) == ["results/two.cpu.json"]


def test_the_chapter_on_the_engine_names_its_benchmark() -> None:
    assert "results/benchmark_kernel.cpu.json" in all_sources()["one_pass"].read_text(encoding="utf-8")
