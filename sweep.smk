"""Sweeps over models x tasks x methods x seeds, a job for each cell. `make sweep` calls this through pipeline.sweep.

    python -m snakemake -s sweep.smk --config sweep=smoke --cores all --keep-going

A cell depends on what it is given and on the code and the files that it uses, so a new seed runs its own cells
alone. What a job asks for is what the plan expects at most.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir)))  # plain `snakemake` does not see the project's modules

from pipeline import dependencies
from pipeline.sweeps import local, planning
from pipeline.sweeps.names import to_path

PLAN = planning.kept(config["sweep"])  # refuses what is wrong with any cell before anything runs
FOLDER = str(PLAN.folder)
CELLS = {cell.path: cell for cell in PLAN.cells}
LIBRARY = [str(path) for path in dependencies.files_of(Path("pipeline/cell.py"))]
FILES = {to_path(name): local.files_of(name) for cell in PLAN.cells for name in (cell.model, cell.task)}
PARTIAL = bool(config.get("partial"))
PYTHON = sys.executable


def cell_of(wildcards):
    """Return the plan of a cell."""
    return CELLS[f"{wildcards.model}/{wildcards.task}/{wildcards.method}/{wildcards.seed}.json"]


def cells(wildcards):
    """Return the records to sum up: all, or those that are there where that is enough."""
    paths = [f"{FOLDER}/{path}" for path in CELLS]
    return [path for path in paths if Path(path).exists()] if PARTIAL else paths


rule summary:
    input:
        cells,
        plan=f"{FOLDER}/plan.json",
    output:
        record=f"{FOLDER}/summary.json",
        table=f"{FOLDER}/summary.csv",
    params:
        partial="--partial" if PARTIAL else "",
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Summing up {output.record}"
    shell:
        "{PYTHON:q} -m pipeline.cell together {input.plan:q} {output.record:q} {params.partial}"


rule cell:
    input:
        "requirements.lock",
        "pipeline/cell.py",
        LIBRARY,
        lambda wildcards: FILES[wildcards.model] + FILES[wildcards.task],
    output:
        f"{FOLDER}/{{model}}/{{task}}/{{method}}/{{seed}}.json",
    params:
        given=lambda wildcards: json.dumps(cell_of(wildcards).given),
    wildcard_constraints:
        model="[^/]+",
        task="[^/]+",
        method="[^/]+",
        seed="[0-9]+",
    threads: PLAN.threads
    resources:
        mem_mb=lambda wildcards, attempt: attempt * cell_of(wildcards).memory_mb,
        runtime=lambda wildcards, attempt: attempt * cell_of(wildcards).minutes,
        gpu=int(PLAN.device.startswith("cuda")),
    message:
        "Cell {wildcards.model} x {wildcards.task} x {wildcards.method} x {wildcards.seed}: at most "
        "{resources.mem_mb} MB, {resources.runtime} min"
    shell:
        "exec env OMP_NUM_THREADS={threads} TQDM_DISABLE=1 {PYTHON:q} -m pipeline.cell run {output:q} "
        "{params.given:q} --end-with-parent"
