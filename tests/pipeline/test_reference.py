"""Reference grids: parts are put together without loss, and a part that is there is never run again."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lintune import records
from pipeline import results
from pipeline.grids import GRIDS
from pipeline.reference import app
from tests.pipeline.project import ROOT

PREDICTORS = {
    f"build/reference/predictors/{task}-{seed}.json"
    for task in ("mr", "subj-rebuilt", "trec")
    for seed in range(3)
} | {"results/predictors.cpu.json"}


def write_part(task: str, seed: int, rows: int) -> Path:
    """Write a part with some rows."""
    return records.write(
        f"{task}-{seed}",
        {"rows": [{"task": task, "seed": seed, "place": place, "trace": 0.5} for place in range(rows)]},
        parameters={"task": task, "seed": seed},
        inputs={"model m": "1", f"task {task}": task},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
    )


def test_parts_are_put_together_without_losing_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINTUNE_RECORDS", str(tmp_path))
    parts = [write_part("one", 0, 2), write_part("two", 3, 3)]
    done = CliRunner().invoke(app, ["together", "grid.cpu", *map(str, parts)], catch_exceptions=False)
    assert done.exit_code == 0
    found = records.read(tmp_path / "grid.cpu.json")
    assert found["data"]["rows"] == [row for part in parts for row in records.read(part)["data"]["rows"]]
    assert len(found["data"]["rows"]) == 5
    assert found["parameters"] == {"one-0": {"task": "one", "seed": 0}, "two-3": {"task": "two", "seed": 3}}
    assert found["inputs"] == {"model m": "1", "task one": "one", "task two": "two"}
    assert set(found["data"]["parts"]) == {"one-0", "two-3"}
    assert found["data"]["parts"]["one-0"]["run"] == records.read(parts[0])["run"]


def planned(folder: Path) -> set[str]:
    """Return the files that a dry run of `make results` would make."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *results.options(["--dry-run"])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout + done.stderr
    parts = re.findall(r"^(?:Job \d+: )?(\w+): ([\w-]+), draws ([\d-]+)$", said, re.MULTILINE)
    files = {f"build/reference/{grid}/{task}-{seed}.json" for grid, task, seed in parts}
    files |= set(re.findall(r"^ +output: (\S+)$", said, re.MULTILINE))
    assert files or "Nothing to be done" in said, said
    return files


@pytest.mark.slow
def test_only_what_is_missing_is_planned(tmp_path: Path) -> None:
    shutil.copy(ROOT / "results.smk", tmp_path)
    everything = planned(tmp_path)
    assert {path for path in everything if "predictors" in path} == PREDICTORS
    names = {Path(path).name.partition(".")[0] for path in everything if "results/" in path}
    assert names == set(GRIDS) | {"beyond_kernels", "recovery"}  # and two notebooks at larger sizes

    parts = {path for path in everything if path.startswith("build/")}
    for part in parts:
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
    last = "build/reference/predictors/trec-2.json"
    there = parts - {last}
    for part in there:
        (tmp_path / part).touch()
        os.utime(tmp_path / part, (1e9, 1e9))
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/reference.py").touch()  # newer than the parts, as is results.smk
    wholes = everything - parts
    assert planned(tmp_path) == wholes | {last}

    (tmp_path / last).touch()
    assert planned(tmp_path) == wholes

    (tmp_path / "results").mkdir()
    for whole in wholes:
        (tmp_path / whole).touch()
    assert planned(tmp_path) == set()
    shutil.rmtree(tmp_path / "build")  # as in a fresh clone, which has the committed record alone
    assert planned(tmp_path) == set()


@pytest.mark.slow
def test_a_change_of_the_recipe_does_not_run_parts_again(tmp_path: Path) -> None:
    shutil.copy(ROOT / "results.smk", tmp_path)
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/reference.py").write_text(
        "import os, pathlib, sys\n"
        "name = '-'.join(sys.argv[3:5]) if sys.argv[1] == 'part' else sys.argv[2]\n"
        "pathlib.Path(os.environ['LINTUNE_RECORDS'], f'{name}.json').touch()\n"
    )
    (tmp_path / "pipeline/execute.py").write_text(
        "import pathlib, sys\n"
        "name = pathlib.Path(sys.argv[1]).stem\n"
        "records = pathlib.Path(sys.argv[sys.argv.index('--out') + 1], 'records')\n"
        "records.mkdir(parents=True)\n"
        "(records / f'{name}.json').touch()\n"
    )
    made = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", "results.smk", "--cores", "1"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr.decode()
    recipe = (tmp_path / "results.smk").read_text()
    (tmp_path / "results.smk").write_text(recipe.replace('"{PYTHON:q} -m', '"exec {PYTHON:q} -m'))
    assert planned(tmp_path) == set()
