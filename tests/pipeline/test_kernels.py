"""Kernels that are forks of a warm process: like ordinary ones in all but the imports already made."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from pipeline.execute import NotebookError, execute
from pipeline.kernels import warm
from tests.pipeline.project import Project, notebook, wait_for

pytestmark = pytest.mark.slow
STATE = """import json, os, sys
from pathlib import Path
state = {
    "warm": "torch" in sys.modules,
    "library": [name for name in sys.modules if name.partition(".")[0] == "lintune"],
    "arguments": sys.argv[1:2],
    "path": sys.path,
    "folder": os.getcwd(),
    "mark": os.environ.get("MARK"),
    "leader": os.getsid(0) == os.getpid(),
}
import matplotlib.pyplot as plt, numpy as np, torch
state["threads"] = torch.get_num_threads()
ones = [module.ones((600, 600)) for module in (np, torch)]
state["products"] = [float((each @ each).sum()) for each in ones]
plt.plot([0, 1])
Path(os.environ["LINTUNE_RECORDS"], "state.json").write_text(json.dumps(state))"""
BEATING = """import os, time
from pathlib import Path
for beat in range(600):
    Path("beat").write_text(f"{os.getppid()} {beat}")
    os.replace("beat", "beats")
    time.sleep(0.1)"""
ENDING = """import atexit
from pathlib import Path
atexit.register(Path('ended').touch)"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return Project(tmp_path)


@pytest.fixture(scope="module")
def served() -> Iterator[subprocess.Popen[bytes]]:
    with warm.kernels(threads=1) as process:
        yield process


def state(project: Project) -> dict[str, object]:
    project.write("notebooks/one.md", notebook(STATE))
    execute(Path("notebooks/one.md"), {}, Path("build/one"))
    read: dict[str, object] = json.loads(Path("build/one/records/state.json").read_text())
    outputs = nbformat.read("build/one/notebook.ipynb", as_version=4).cells[-1].outputs
    return read | {"drawn": sorted(kind for output in outputs for kind in output.get("data", {}))}


def beats() -> str:
    return Path("beats").read_text() if Path("beats").exists() else ""


def silent() -> bool:
    before = beats()
    time.sleep(1)
    return beats() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fork_is_as_an_ordinary_kernel_but_has_imported(
    project: Project, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    with warm.kernels(threads):
        elsewhere = project.root / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        monkeypatch.setenv("MARK", "made when the warm process was there")
        there = Project(elsewhere)
        forked = state(there)
        with monkeypatch.context() as without:
            without.delenv(warm.ADDRESS)
            cold = state(there)
    assert (cold.pop("warm"), forked.pop("warm")) == (False, True)
    assert forked == cold
    assert forked["library"] == []  # it is read when a notebook begins, not when the build did
    assert forked["threads"] == threads
    assert "image/png" in str(forked["drawn"])


def test_other_threads_make_an_ordinary_kernel(
    served: subprocess.Popen[bytes], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state(project)["warm"] is True
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = state(project)
    assert (found["warm"], found["threads"]) == (False, 2)


@pytest.mark.parametrize("served_before", [False, True])
def test_without_the_warm_process_kernels_are_ordinary(project: Project, served_before: bool) -> None:
    with warm.kernels(threads=1) as process:
        if served_before:
            assert state(project)["warm"] is True
        process.kill()
        assert state(project)["warm"] is False


def test_what_waits_for_the_end_of_a_kernel_is_done(
    served: subprocess.Popen[bytes], project: Project
) -> None:
    project.write("notebooks/one.md", notebook(ENDING))
    execute(Path("notebooks/one.md"), {}, Path("build/one"))
    assert Path("ended").exists()


def test_a_killed_fork_is_told(served: subprocess.Popen[bytes], project: Project) -> None:
    project.write("notebooks/one.md", notebook("import os\nos.kill(os.getpid(), 9)"))
    with pytest.raises(NotebookError, match="its kernel stopped"):
        execute(Path("notebooks/one.md"), {}, Path("build/one"))
    assert state(project)["warm"] is True  # the warm process and the kernels after it are well


@pytest.mark.parametrize("killed", ["execution", "warm process"])
def test_a_fork_ends_with_what_it_works_for(project: Project, killed: str) -> None:
    project.write("notebooks/one.md", notebook(BEATING))
    command = [sys.executable, "-m", "pipeline.execute", "notebooks/one.md", "--profile", "smoke"]
    with warm.kernels(threads=1) as process:
        execution = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: beats() != "")
            assert beats().split()[0] == str(process.pid)
            os.kill(execution.pid if killed == "execution" else process.pid, signal.SIGKILL)
            wait_for(silent)
            if killed == "warm process":
                assert execution.wait(timeout=30) == 1  # said, as of any kernel that stops
        finally:
            execution.kill()
            execution.wait()
