"""Every figure of a staged notebook says what it was drawn from."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lintune import records
from lintune.errors import CorruptFileError
from pipeline.origins import OWN, origins
from pipeline.stage import stage

CELLS = [
    "from lintune import records\nfrom pathlib import Path",
    "path = records.write('one', {})\nrecord = records.read(path)\nrows = record['rows']",
    "reference = records.read(Path('results/grid.cpu.json'))\ntable = reference['data']",
    "draw(rows)",
    "draw(table)",
    "both = join(rows, table)\nfor name in both:\n    part = name\ndraw(part)",
    "rows = [1, 2]\ndraw(rows)",
    "frame['new'] = table\ndraw(frame)",
]


def record(path: Path, **parameters: object) -> None:
    """Write a record."""
    records.write(
        path.stem,
        {},
        parameters=parameters,
        inputs={"model tiny": "0", "task mr": "1"},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=path,
    )


def test_follows_names_to_the_records_they_come_from() -> None:
    found = origins(new_notebook(cells=[new_code_cell(source) for source in CELLS]))
    assert [found[place] for place in range(3, 8)] == [
        {OWN},
        {"grid.cpu"},
        {OWN, "grid.cpu"},
        set(),
        {"grid.cpu"},
    ]


def test_each_figure_says_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [new_code_cell(source) for source in CELLS[:5]]
    for cell, name in zip(cells[3:], ("own", "committed"), strict=True):
        cell.metadata["mystnb"] = {"figure": {"name": f"fig-{name}", "caption": "What it shows."}}
    run = Path("build/cpu/one")
    record(run / "records" / "one.json", seeds=[0, 1, 2], shots=4, many=list(range(30)))
    record(Path("results/grid.cpu.json"), seed=0)
    nbformat.write(new_notebook(cells=cells), run / "notebook.ipynb")
    target = Path("notebooks/executed/one.ipynb")
    stage(run, Path("notebooks/one.md"), target)

    assert (target.parent / "records/one.json").exists()
    first, second = (cell.metadata.mystnb.figure.caption for cell in nbformat.read(target, 4).cells[3:])
    assert first.startswith("What it shows.\n\nDrawn from tiny; mr; 3 seeds; cpu, float32")
    assert "; shots 4 (" in first
    assert "{download}`this run's record <records/one.json>`" in first
    assert "{download}`source <../../notebooks/one.md>`" in first
    assert "tiny; mr; 1 seed" in second
    assert "{download}`reference record <../../results/grid.cpu.json>`" in second


def test_a_chapter_without_a_record_is_refused(tmp_path: Path) -> None:
    nbformat.write(new_notebook(), tmp_path / "notebook.ipynb")
    with pytest.raises(CorruptFileError, match="wrote no record one.json"):
        stage(tmp_path, Path("notebooks/one.md"), tmp_path / "staged.ipynb")
