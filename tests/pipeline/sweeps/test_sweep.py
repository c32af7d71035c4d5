"""Sweeps through Snakemake: every cell once, what is missing alone, failures that stop nothing else."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lintune import records
from lintune.errors import InputError
from pipeline import cell as command
from pipeline.sweeps.planning import kept
from pipeline.sweeps.summary import summarise
from tests.pipeline.project import wait_for
from tests.pipeline.sweeps.given import Project

pytestmark = pytest.mark.slow
MODELS, LABELS = ("llama", "mistral-window"), ("lora rank=2 alpha=4.0", "norms")
EVERY = [f"{model} {label} {seed}" for model in MODELS for label in LABELS for seed in (0, 1)]
FOLDER = Path("build/sweep/tiny")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_a_sweep_from_end_to_end(project: Project) -> None:
    project.write(methods=["norms"], seeds=[0])
    code, said = project.sweep()
    assert code == 0, said
    assert f"The sweep tiny: {FOLDER}/summary.csv" in said
    assert len(project.cells()) == 2
    data = records.read(FOLDER / "summary.json")["data"]
    assert [(row["model"], row["method"], row["seeds"]) for row in data["table"]] == [
        (model, "norms", 1) for model in MODELS
    ]
    assert data["prediction"]["cells"] == 2
    for row in data["cells"]:
        assert row["seconds"] > row["seconds of load"] > 0
        assert row["peak_bytes"] > 1e8
        assert row["predicted_seconds"] > 0
    with (FOLDER / "summary.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == list(MODELS)


def test_the_summary_is_of_all_cells_or_says_which_are_missing(project: Project) -> None:
    plan = kept("tiny")
    ask = CliRunner()
    for cell in plan.cells[:-1]:
        done = ask.invoke(command.app, ["run", str(FOLDER / cell.path), json.dumps(cell.given)])
        assert done.exit_code == 0, done.output
    record = records.read(FOLDER / plan.cells[0].path)
    assert record["parameters"] == json.loads(json.dumps(plan.cells[0].given))  # which knows no tuples
    assert all("layers.1." in target for target in record["parameters"]["options"]["targets"])
    assert set(record["inputs"]) == {"model llama", "task films.yml"}

    with pytest.raises(InputError, match="1 of 8 cells are missing, mistral-window/films.yml/norms/1.json"):
        summarise(FOLDER / "plan.json", FOLDER / "summary.json")
    assert not (FOLDER / "summary.json").exists()
    summarise(FOLDER / "plan.json", FOLDER / "summary.json", partial=True)
    data = records.read(FOLDER / "summary.json")["data"]
    assert data["missing"] == [plan.cells[-1].path]
    assert [row["seeds"] for row in data["table"]] == [2, 2, 2, 1]
    for row in data["table"][:3]:
        mine = [each for each in data["cells"] if all(each[key] == row[key] for key in ("model", "method"))]
        assert row["test_loss"] == pytest.approx(sum(each["test_loss"] for each in mine) / 2)
        assert row["test_loss low"] < row["test_loss"] < row["test_loss high"]
        assert row["kernel trace"] == pytest.approx(sum(each["kernel trace"] for each in mine) / 2)
        assert row["chance"] == 0.5


def test_only_what_is_missing_or_changed_runs(project: Project) -> None:
    project.quicken()
    assert project.sweep()[0] == 0
    assert project.ran() == EVERY

    code, said = project.sweep()
    assert (code, project.ran()) == (0, [])
    assert "Nothing to be done" in said

    next(path for path in project.cells() if "norms" in str(path) and path.name == "1.json").unlink()
    project.write(seeds=[0, 1, 5])
    assert project.sweep()[0] == 0
    fifth = [f"{model} {label} 5" for model in MODELS for label in LABELS]
    assert project.ran() == sorted(["llama norms 1", *fifth])

    project.write(seeds=[0], methods=["norms", {"lora": {"rank": 2, "alpha": 8.0}}])
    (project.root / "mistral-window/config.json").touch()
    assert project.sweep()[0] == 0
    changed = [f"{model} lora rank=2 alpha=8.0 0" for model in MODELS]
    assert project.ran() == sorted([*changed, "mistral-window norms 0"])

    project.write(seeds=[0], methods=["norms"], steps=3)
    assert project.sweep()[0] == 0
    assert project.ran() == [f"{model} norms 0" for model in MODELS]


def test_what_was_made_in_the_future_is_made_again_once(project: Project) -> None:
    project.quicken()
    assert project.sweep()[0] == 0
    project.ran()
    ahead = time.time() + 86_400
    for folder in ("build", "pipeline"):
        for path in (project.root / folder).rglob("*"):
            os.utime(path, (ahead, ahead))
    code, said = project.sweep()
    assert (code, project.ran()) == (0, EVERY)
    assert "bore a time in the future" in said
    assert (project.sweep()[0], project.ran()) == (0, [])


def test_a_cell_ends_with_the_process_that_started_it(project: Project) -> None:
    out, given = project.root / "cell.json", json.dumps(kept("tiny").cells[0].given)
    cell = [sys.executable, "-m", "pipeline.cell", "run", str(out), given, "--end-with-parent"]
    parent = subprocess.Popen(
        ["sh", "-c", '"$@" & echo $!; wait', "sh", *cell], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = Path("/proc", parent.stdout.readline().strip())
    time.sleep(1)  # it watches its parent now
    assert child.exists()
    parent.kill()
    parent.wait()
    wait_for(lambda: not child.exists())
    assert not out.exists()


def test_a_cell_that_fails_does_not_stop_the_others(project: Project) -> None:
    project.quicken()
    code, said = project.sweep(BROKEN="llama")
    assert code == 1
    assert "error: broken" in said
    assert "--partial` sums that up" in said
    assert project.ran() == EVERY
    assert [path.parts[-4] for path in project.cells()] == ["mistral-window"] * 4
    assert not (FOLDER / "summary.json").exists()

    assert project.sweep("--partial")[0] == 0
    assert project.ran() == []
    assert json.loads((FOLDER / "summary.json").read_text()) is True

    said = project.sweep("--", "--dry-run")[1]
    for cell in kept("tiny").cells[:4]:  # what a job asks for is what the plan expects at most
        assert cell.memory_mb >= cell.cost["bytes_high"] / 1e6
        assert cell.minutes >= cell.cost["seconds_high"] / 60
        assert f"at most {cell.memory_mb} MB, {cell.minutes} min" in said

    assert project.sweep()[0] == 0
    assert project.ran() == [line for line in EVERY if line.startswith("llama")]
    assert json.loads((FOLDER / "summary.json").read_text()) is False


def test_a_cell_says_in_one_line_what_went_wrong(project: Project) -> None:
    given = kept("tiny").cells[0].given
    assert given is not None
    given["options"]["rank"] = 10_000
    done = CliRunner().invoke(command.app, ["run", "x.json", json.dumps(given)])
    assert done.exit_code == 1
    where = "cell llama x films.yml x lora rank=2 alpha=4.0 x 0"
    assert f"error: {where}: rank=10000" in done.output
    assert not Path("x.json").exists()
