"""A disk that is full: a clear error, what was there untouched, nothing half-written; and on from there."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from lintune.archives import cache_dir, fetch
from lintune.errors import FetchError
from pipeline.execute import app
from tests.faults.disks import Disk, disk, short_files
from tests.faults.writers import WRITERS, on_shelf
from tests.pipeline.project import Project, notebook

STAGED = ("--", "notebooks/executed/one.ipynb", "notebooks/executed/two.ipynb")
BOOK = ("--", "_build/html/index.html")
LONG_OUTPUT = "print('x' * 3_000_000)"
LONG_RECORD = """from lintune import records
records.write("one", {"text": "x" * 3_000_000}, parameters={}, inputs={}, device="cpu", dtype="float32",
              stopwatch=records.Stopwatch())"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk") as mounted:
        yield mounted


def made(root: Path) -> Project:
    root.mkdir()
    return Project(root)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_the_earlier_file_alone(small: Disk, kind: str) -> None:
    path = WRITERS[kind](small.root, 10)
    before = path.read_bytes()
    small.fill(left=64)
    with pytest.raises(FetchError, match=rf"{path.name} could not be written: .*No space left"):
        WRITERS[kind](small.root, 100_000)
    assert [(each, each.read_bytes()) for each in small.root.iterdir()] == [(path, before)]
    small.resize(65536)
    assert WRITERS[kind](small.root, 100_000).read_bytes() != before


@pytest.mark.parametrize("kind", WRITERS)
def test_a_limit_on_files_does_the_same(tmp_path: Path, kind: str) -> None:
    path = WRITERS[kind](tmp_path, 10)
    before = path.read_bytes()
    with (
        short_files(100_000),
        pytest.raises(FetchError, match=rf"{path.name} could not be written: .*File too large"),
    ):
        WRITERS[kind](tmp_path, 100_000)
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, before)]


@pytest.mark.slow
def test_an_archive_that_does_not_fit_is_no_archive(
    small: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = on_shelf(tmp_path / "shelf", monkeypatch)
    monkeypatch.setenv("LINTUNE_CACHE", str(small.root / "cache"))
    small.resize(256)
    with pytest.raises(FetchError, match=r"(?s)tinydata==1\.0.*free disk space.*No space left"):
        fetch(archive)
    assert not (cache_dir() / "archives").exists()
    assert not list(cache_dir().glob("*.filling"))
    small.resize(4096)
    assert fetch(archive).exists()


@pytest.mark.slow
@pytest.mark.parametrize("cell", [LONG_OUTPUT, LONG_RECORD], ids=["output", "record"])
def test_an_execution_that_does_not_fit_leaves_the_results_before(
    small: Disk, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    def run() -> tuple[int, str]:
        given = ["notebooks/one.md", "--profile", "smoke", "--out", "build/one"]
        done = CliRunner().invoke(app, given)
        return done.exit_code, done.stderr

    project = made(small.root / "project")
    monkeypatch.chdir(project.root)
    assert run()[0] == 0
    before = {path: path.read_bytes() for path in Path("build/one").rglob("*") if path.is_file()}
    whole = (project.root / "notebooks/one.md").read_text()
    project.write("notebooks/one.md", notebook(cell))
    small.fill(left=1500)
    code, said = run()
    assert code == 1
    assert "error: " in said
    assert "No space left" in said
    assert {path: path.read_bytes() for path in Path("build/one").rglob("*") if path.is_file()} == before

    small.resize(65536)
    project.write("notebooks/one.md", whole)
    assert run()[0] == 0
    nbformat.validate(nbformat.read("build/one/notebook.ipynb", as_version=4))


@pytest.mark.slow
def test_pages_that_do_not_fit_are_rendered_anew_later(small: Disk) -> None:
    project = made(small.root / "project")
    code, said = project.build(*STAGED)
    assert code == 0, said
    assert project.executed() == ["one", "two"]
    small.fill(left=1500)
    code, said = project.build(*BOOK)
    assert code != 0
    assert "No space left" in said
    assert "the book is not finished" in said
    small.resize(65536)
    code, said = project.build(*BOOK)
    assert code == 0, said
    assert project.executed() == []
    for page in ("book/intro", "notebooks/executed/one", "notebooks/executed/two"):
        assert "</html>" in (project.root / f"_build/html/{page}.html").read_text()
