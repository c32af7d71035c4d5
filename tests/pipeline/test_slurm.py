"""On a real Slurm of one node, started for the test, the build does what it does on one machine."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.sweeps.planning import kept
from tests.pipeline.project import ROOT, Project, notebook, wait_for
from tests.pipeline.sweeps.given import Project as Sweep
from trials import slurm

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    try:
        running = ExitStack()
        running.enter_context(slurm.cluster())
    except slurm.NoSlurmError as error:
        pytest.skip(f"no Slurm: {error}")
    with running:
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    shutil.copytree(ROOT / "machines", tmp_path / "machines")
    return found


def start(project: Project, *targets: str, nap: float = 0) -> subprocess.Popen[str]:
    cores = ("--set-threads", "notebook=1")  # the machine may have no more
    arguments = ("--machine", "machines/slurm", "--", *slurm.OPTIONS, *cores, "--", *targets)
    return project.start(*arguments, nap=nap)


def submitted(project: Project) -> tuple[int, str]:
    process = start(project, "notebooks/executed/one.ipynb", "notebooks/executed/two.ipynb")
    said, _ = process.communicate()
    return process.returncode, said


def jobs(folder: Path, rule: str = "notebook") -> list[str]:
    """Return what Slurm knows of each job of a rule that was submitted in a folder."""
    known = subprocess.check_output(["scontrol", "show", "jobs", "--oneliner"], text=True)
    ours = [line for line in known.splitlines() if f"WorkDir={folder} " in line]
    return [line for line in ours if f"Comment=rule_{rule}" in line]


def asked(job: str) -> tuple[str, str]:
    """Return the memory and the time that a job asked for."""
    fields = dict(field.partition("=")[::2] for field in job.split())
    return fields["MinMemoryNode"], fields["TimeLimit"]


def test_daemons_listen_on_the_loopback_interface_alone() -> None:
    listening = subprocess.check_output(["ss", "--listening", "--tcp", "--numeric", "--processes"], text=True)
    places = re.findall(r"LISTEN +\d+ +\d+ +(\S+):\d+ .*\"(slurmctld|slurmd|munged)\"", listening)
    assert {daemon for _, daemon in places} == {"slurmctld", "slurmd"}
    assert {place for place, _ in places} == {"127.0.0.1"}


def test_notebooks_run_as_jobs_with_what_they_ask_for(project: Project) -> None:
    code, said = submitted(project)
    assert code == 0, said
    assert project.executed() == ["one", "two"]
    assert project.records() == {"one": "2", "two": "32"}
    assert {asked(job) for job in jobs(project.root)} == {("4000M", "00:15:00")}

    code, said = submitted(project)
    assert code == 0, said
    assert "Nothing to be done" in said
    assert project.executed() == []


def test_a_notebook_whose_device_is_a_gpu_asks_for_one(project: Project) -> None:
    record = 'Path(os.environ["LINTUNE_RECORDS"], "one.json")'
    cell = f'import os\nfrom pathlib import Path\n\n{record}.write_text(os.environ["CUDA_VISIBLE_DEVICES"])'
    project.write("notebooks/one.md", notebook(cell, parameters='device: str = "cpu"'))
    project.write("notebooks/profiles.yml", "smoke: {one: {device: cuda}, two: {}}\n")
    code, said = submitted(project)
    assert code == 0, said
    assert sorted("gpu:1" in job for job in jobs(project.root)) == [False, True]
    assert project.records()["one"] == "0"  # the first of those that Slurm has


def test_a_job_that_is_lost_is_run_again_with_more(project: Project) -> None:
    process = start(project, "notebooks/executed/one.ipynb", nap=15)
    wait_for((project.root / "executions").exists)
    subprocess.run(["scancel", "--user=root", "--state=RUNNING"], check=True)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert project.executed() == ["one", "one"]
    assert project.records() == {"one": "2"}
    assert [asked(job) for job in jobs(project.root)] == [("4000M", "00:15:00"), ("8000M", "00:30:00")]


def test_the_cells_of_a_sweep_run_as_jobs_with_what_the_plan_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = Sweep(tmp_path)
    shutil.copytree(ROOT / "machines", tmp_path / "machines")
    sweep.write(methods=["norms"], seeds=[0])
    code, said = sweep.sweep("--machine", "machines/slurm", "--", *slurm.OPTIONS)
    assert code == 0, said
    cells = jobs(tmp_path, "cell")
    assert len(cells) == len(sweep.cells()) == 2
    assert {asked(job)[0] for job in cells} == {f"{cell.memory_mb}M" for cell in kept("tiny").cells}
