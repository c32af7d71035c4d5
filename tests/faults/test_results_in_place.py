"""The last steps of an execution and of staging: results before come back, damaged ones are named."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from lintune.errors import CorruptFileError
from pipeline import execute
from pipeline.stage import main, stage
from tests.faults.disks import disk
from tests.faults.writers import record


def finished(folder: Path, found: str) -> Path:
    """Make what a run leaves before its results are put in place."""
    (folder / "records").mkdir(parents=True)
    (folder / "records/one.json").write_text(found)
    return folder


def executed() -> nbformat.NotebookNode:
    notebook = new_notebook(cells=[new_code_cell("1")])
    notebook.metadata["papermill"] = {}
    return notebook


@pytest.mark.parametrize("fails", ["rename", "replace"])
def test_a_failure_in_the_last_steps_brings_the_results_before_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    out = finished(tmp_path / "out", "before")
    (out / "notebook.ipynb").write_text("before")
    running = finished(out / "running-x", "new")
    rename = Path.rename

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def full_for_the_new(path: Path, target: Path) -> Path:
        if path == running / "records":
            full()
        return rename(path, target)

    if fails == "replace":
        monkeypatch.setattr(os, "replace", full)
    else:
        monkeypatch.setattr(Path, "rename", full_for_the_new)
    with pytest.raises(OSError, match="No space left"):
        execute._put_in_place(executed(), Path("one.md"), running, out)
    monkeypatch.undo()
    assert (out / "records/one.json").read_text() == "before"
    assert (out / "notebook.ipynb").read_text() == "before"

    execute._put_in_place(executed(), Path("one.md"), running, out)
    assert (out / "records/one.json").read_text() == "new"
    nbformat.validate(nbformat.read(out / "notebook.ipynb", as_version=4))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "build/smoke/one"
    folder.mkdir(parents=True)
    (folder / "records").mkdir()
    record(folder / "records", 3).rename(folder / "records/one.json")
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), folder / "notebook.ipynb")
    return folder


@pytest.mark.parametrize("damage", ["cut", "empty", "list", "other", "gone"])
def test_a_damaged_notebook_is_not_staged(tmp_path: Path, run: Path, damage: str) -> None:
    path = run / "notebook.ipynb"
    whole = path.read_text()
    texts = {"cut": whole[: len(whole) // 2], "empty": "", "list": "[]", "other": '{"cells": 3}'}
    path.write_text(texts[damage]) if damage in texts else path.unlink()
    target = tmp_path / "staged/one.ipynb"
    with pytest.raises(CorruptFileError, match=r"notebook\.ipynb is not the notebook .*Remove .*done"):
        stage(run, Path("notebooks/one.md"), target)
    assert not target.exists()


def test_a_full_disk_while_staging_is_told(tmp_path: Path, run: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(main)
    source = tmp_path / "one.md"
    source.touch()
    with disk(tmp_path / "disk") as small:
        small.fill(left=4)  # room for the record
        failed = CliRunner().invoke(app, [str(run), str(source), str(small.root / "one.ipynb")])
        assert failed.exit_code == 1
        assert "No space left" in failed.stderr
        small.resize(4096)
        shutil.rmtree(small.root / "records", ignore_errors=True)
        assert CliRunner().invoke(app, [str(run), str(source), str(small.root / "one.ipynb")]).exit_code == 0
