"""A clock that goes back: nothing is skipped, nothing is done without end, no duration is negative."""

import ast
import os
import time
from pathlib import Path

import pytest

from lintune import records
from pipeline import stamps
from tests.pipeline.project import ROOT, Project

DAY = 86_400.0
STAGED = ("--", "notebooks/executed/one.ipynb", "notebooks/executed/two.ipynb")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def set_back(project: Project, seconds: float = DAY) -> None:
    """Let everything that is there be from the future, as after the clock has gone back."""
    ahead = time.time() + seconds
    for stamp in project.root.glob("build/*/*/done"):
        stamp.write_text(f"{ahead}\n")
    for path in project.root.rglob("*"):
        if path.is_file():
            os.utime(path, (ahead, ahead))


def build(project: Project) -> list[str]:
    """Build as `pipeline.build` does, times first, and return what was executed."""
    stamps.settle(project.root)
    code, said = project.build(*STAGED)
    assert code == 0, said
    return project.executed()


@pytest.mark.slow
def test_an_edit_after_the_clock_has_gone_back_is_seen(project: Project) -> None:
    assert build(project) == ["one", "two"]
    set_back(project)
    project.write("lintune/one.py", '"""A module."""\n\nVALUE = 3\n')
    assert build(project) == ["one", "two"]
    assert project.records()["one"] == "6"
    assert build(project) == []


@pytest.mark.slow
def test_a_source_from_the_future_is_done_once(project: Project) -> None:
    assert build(project) == ["one", "two"]
    ahead = time.time() + DAY
    os.utime(project.root / "lintune/two.py", (ahead, ahead))
    assert build(project) == ["two"]
    assert build(project) == []


@pytest.mark.slow
def test_an_edit_while_a_notebook_runs_is_seen_by_the_next_build(project: Project) -> None:
    process = project.start(*STAGED, nap=3)
    end = time.monotonic() + 60
    while not (project.root / "executions").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(1)
    project.write("lintune/one.py", '"""A module."""\n\nVALUE = 3\n')
    said, _ = process.communicate()
    assert process.returncode == 0, said
    project.executed()
    assert project.records()["one"] == "2"  # of the module as it was
    assert build(project) == ["one"]
    assert project.records()["one"] == "6"


def test_stamps_bear_the_time_at_which_the_run_began(tmp_path: Path) -> None:
    run = tmp_path / "build/smoke/one"
    run.mkdir(parents=True)
    began = time.time() - 100
    stamps.write(run, began)
    assert (run / "done").stat().st_mtime == pytest.approx(began, abs=1e-3)
    os.utime(run / "done")  # as Snakemake does
    stamps.settle(tmp_path)
    assert (run / "done").stat().st_mtime == pytest.approx(began, abs=1e-3)
    assert [path.name for path in run.iterdir()] == ["done"]


def test_cells_bear_the_time_at_which_they_began(tmp_path: Path) -> None:
    cell = records.write(
        "cell",
        {},
        parameters={},
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=tmp_path / "build/sweep/tiny/llama/mr/norms/0.json",
    )
    began = cell.stat().st_mtime
    os.utime(cell, (began + 100, began + 100))  # it took so long
    stamps.settle_cells(tmp_path / "build/sweep/tiny", tmp_path)
    assert cell.stat().st_mtime == pytest.approx(began, abs=1.5)


@pytest.mark.parametrize("content", ["", "soon", "nan", f"{time.time() + DAY}", "\xff"])
def test_a_stamp_that_says_no_past_time_is_older_than_everything(tmp_path: Path, content: str) -> None:
    stamp = tmp_path / "build/smoke/one/done"
    stamp.parent.mkdir(parents=True)
    stamp.write_text(content, encoding="latin-1")
    stamps.settle(tmp_path)
    assert stamp.stat().st_mtime == 1


def test_pages_from_the_future_are_rendered_from_nothing(tmp_path: Path) -> None:
    page, complete = tmp_path / "_build/html/index.html", tmp_path / "_build/complete"
    page.parent.mkdir(parents=True)
    for path in (page, complete):
        path.touch()
    stamps.settle(tmp_path)
    assert page.exists()
    assert complete.exists()
    os.utime(page, (time.time() + DAY,) * 2)
    stamps.settle(tmp_path)
    assert not page.exists()
    assert not complete.exists()


def test_what_bears_no_future_time_is_left_alone(project: Project, capsys: pytest.CaptureFixture) -> None:
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}
    stamps.settle(project.root)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not capsys.readouterr().err


def test_durations_go_by_a_clock_that_cannot_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stopwatch = records.Stopwatch()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= stopwatch.seconds < 60


def test_the_library_measures_no_time_by_the_clock_of_the_day() -> None:
    for path in (ROOT / "lintune").rglob("*.py"):
        calls = [
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        ]
        assert "time.time" not in calls, path


def test_a_build_settles_the_times_first() -> None:
    assert "stamps.settle()" in (ROOT / "pipeline/build.py").read_text()
