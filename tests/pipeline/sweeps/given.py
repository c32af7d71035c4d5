"""A project with a sweep over tiny models, planned by laws as if they had been measured."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lintune import records
from lintune.studies.cell_costs.throughput import processor
from pipeline.sweeps.planning import kept
from tests.cli.given import save_model, save_task
from tests.pipeline.project import ROOT
from tests.studies.cell_costs.measured import laws

SWEEP: dict[str, Any] = {
    "models": ["llama", "mistral-window"],
    "tasks": ["films.yml"],
    "methods": [{"lora": {"rank": 2, "alpha": 4.0}}, "norms"],
    "seeds": [0, 1],
    "depth": 1,
    "examples": 4,
    "test_examples": 6,
    "steps": 2,
    "batch": 2,
    "rates": [0.01],
    "longest": 32,
}
# Takes no time where the workflow is looked at and not the work; it imports nothing that is slow to import.
QUICK = """
import json, os, sys
from pathlib import Path

out = Path(sys.argv[3 if sys.argv[1] == "together" else 2])
if sys.argv[1] == "together":
    out.write_text(json.dumps("--partial" in sys.argv))
    out.with_suffix(".csv").touch()
else:
    given = json.loads(sys.argv[3])
    with Path("ran").open("a") as log:
        log.write(f"{given['model']} {given['label']} {given['seed']}\\n")
    if given["model"] == os.environ.get("BROKEN"):
        sys.exit("error: broken")
    out.touch()
"""


def write_basis(folder: Path) -> None:
    """Write the record that plans rest on."""
    data = {
        "laws": {name: law.plain() for name, law in {**laws().seconds, "memory": laws().memory}.items()},
        "points": [{"model": "measured"}],
        "processor": processor("cpu"),
        "throughput": 1e9,
        "cell_bytes": 1000,
    }
    records.write(
        "scaling.cpu",
        data,
        parameters={"threads": 1},
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=folder / "scaling.cpu.json",
    )


class Project:
    """A folder with the workflow, two tiny models and a task.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        """Make it."""
        self.root = root
        shutil.copytree(ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("sweep.smk", "requirements.lock"):
            shutil.copy(ROOT / name, root / name)
        (root / "sweeps").mkdir()
        write_basis(root / "results")
        for model in ("llama", "mistral-window"):
            save_model(root, model)
        save_task(root)
        self.write()

    def write(self, **changed: Any) -> None:
        """Write the sweep with some keys changed; a key that is None is left out."""
        entries = {key: value for key, value in (SWEEP | changed).items() if value is not None}
        (self.root / "sweeps/tiny.yml").write_text(yaml.safe_dump(entries, sort_keys=False))

    def call(self, module: str, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run a module of the pipeline and return its exit code and all that it said."""
        ended = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout

    def sweep(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run the sweep; the plan is made here, where everything is imported already."""
        with contextlib.chdir(self.root):
            kept("tiny")
        return self.call("pipeline.sweep", "tiny", *arguments, **environment)

    def quicken(self) -> None:
        """Let cells leave their mark instead of working."""
        (self.root / "pipeline/cell.py").write_text(QUICK)

    def ran(self) -> list[str]:
        """Return the cells that have run since the last call, where they are quick."""
        log = self.root / "ran"
        lines = sorted(log.read_text().splitlines()) if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def cells(self) -> list[Path]:
        """Return the records of cells that are there."""
        return sorted((self.root / "build/sweep/tiny").glob("*/*/*/*.json"))
