"""Two processes that do the same at once: one waits for the other, and both end with whole results."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from lintune.archives import cache_dir, filling_cache
from tests.faults.writers import record
from tests.pipeline.project import Project, notebook

SPAWN = multiprocessing.get_context("spawn")


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


GATED = """import time
from pathlib import Path

with Path("executions").open("a") as log:
    log.write("one\\n")
while not Path("go").exists():
    time.sleep(0.05)"""


def execute(project: Project) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.execute", "notebooks/one.md", "--profile", "smoke"]
    return subprocess.Popen(
        [*command, "--out", "build/one"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_executions_of_one_notebook_into_one_folder(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("notebooks/one.md", notebook(GATED))
    first = execute(project)
    wait_for((tmp_path / "executions").exists)
    second = execute(project)
    assert second.stderr is not None
    assert "Another process is executing notebooks/one.md" in second.stderr.readline()
    assert project.executed() == ["one"]
    (tmp_path / "go").touch()
    for process in (first, second):
        told = process.communicate()[1]
        assert process.returncode == 0, told
    assert project.executed() == ["one"]
    nbformat.validate(nbformat.read(tmp_path / "build/one/notebook.ipynb", as_version=4))
    left = sorted(path.name for path in (tmp_path / "build/one").iterdir())
    assert left == ["done", "notebook.ipynb", "records"]


def write_many(folder: Path, size: int) -> None:
    for _ in range(30):
        record(folder, size)


def test_processes_that_write_one_record_leave_a_whole_one(tmp_path: Path) -> None:
    from lintune import records

    writers = [SPAWN.Process(target=write_many, args=(tmp_path, size)) for size in (10, 2000)]
    for writer in writers:
        writer.start()
    path = tmp_path / "found.json"
    wait_for(path.exists)
    while any(writer.is_alive() for writer in writers):
        assert len(records.read(path)["data"]["numbers"]) in (10, 2000)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert list(tmp_path.iterdir()) == [path]


def fill(stall: bool) -> str:
    """Fill an entry of the cache, or begin to and go on for ever."""
    place = cache_dir() / "entry"
    with filling_cache("entry") as scratch:
        if not place.exists():
            (scratch / "half").write_text("written")
            while stall:
                time.sleep(1)
            (scratch / "half").rename(place)
    return place.read_text()


def test_who_waits_for_one_that_is_killed_fills_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINTUNE_CACHE", str(tmp_path))
    stalled = SPAWN.Process(target=fill, args=(True,))
    stalled.start()
    wait_for((tmp_path / "entry.filling/half").exists)
    with SPAWN.Pool(2) as pool:
        waiting = pool.map_async(fill, [False, False])
        time.sleep(0.5)
        assert not waiting.ready()
        assert stalled.pid is not None
        os.kill(stalled.pid, signal.SIGKILL)
        assert waiting.get(timeout=60) == ["written", "written"]
    stalled.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry", "entry.lock"]
