"""A disk that cannot be written: a clear error, and what lies there is still read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lintune import records
from lintune.archives import fetch, open_member
from lintune.errors import FetchError
from lintune.kernels import store
from pipeline.execute import app
from tests.faults.disks import Disk, disk
from tests.faults.writers import WRITERS, on_shelf
from tests.pipeline.project import Project


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk") as found:
        yield found


@pytest.mark.parametrize(("kind", "read"), [("record", records.read), ("kernel", store.load)])
def test_what_is_there_is_read_and_stays(mounted: Disk, kind: str, read: object) -> None:
    path = WRITERS[kind](mounted.root, 10)
    before = path.read_bytes()
    mounted.read_only()
    assert callable(read)
    assert read(path)
    with pytest.raises(FetchError, match=rf"{path.name} could not be written: .*Read-only"):
        WRITERS[kind](mounted.root, 20)
    assert [(each, each.read_bytes()) for each in mounted.root.iterdir()] == [(path, before)]


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_serves_what_it_has(
    mounted: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = on_shelf(tmp_path / "shelf", monkeypatch)
    monkeypatch.setenv("LINTUNE_CACHE", str(mounted.root))
    mounted.read_only()
    with pytest.raises(FetchError, match=r"cache folder .* could not be filled.*set LINTUNE_CACHE"):
        fetch(archive)
    mounted.read_only(False)
    path = fetch(archive)
    mounted.read_only()
    assert fetch(archive) == path
    with open_member(archive, "tinydata/numbers") as file:
        assert len(file.read()) == 500_000


@pytest.mark.slow
def test_an_execution_into_it_says_so(mounted: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    (mounted.root / "project").mkdir()
    project = Project(mounted.root / "project")
    monkeypatch.chdir(project.root)
    given = ["notebooks/one.md", "--profile", "smoke", "--out", "build/one"]
    assert CliRunner().invoke(app, given).exit_code == 0
    before = {path: path.read_bytes() for path in Path("build").rglob("*") if path.is_file()}
    mounted.read_only()
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert "Read-only" in done.stderr
    assert {path: path.read_bytes() for path in Path("build").rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_build_in_it_says_so(mounted: Disk) -> None:
    (mounted.root / "project").mkdir()
    project = Project(mounted.root / "project")
    mounted.read_only()
    code, said = project.build()
    assert code != 0
    assert "Read-only file system" in said.splitlines()[-1]
