"""Measure one way once: `python -m benchmarks.worker JOB FOLDER`, started by `benchmarks.jobs.run`.

Loading and set-up are not timed. Writes `report.json` and `kernel.npy` into the folder.
"""

import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.inputs import Inputs, load
from benchmarks.jobs import Job
from benchmarks.measure import Refused, measured
from benchmarks.reference import reference
from benchmarks.ways import Call, named


def work(job: Job) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return the kernel and its cost."""
    torch.set_num_threads(job.threads)
    inputs = load(job.texts, job.device, job.longest)
    call = _call(job, inputs)
    _warm_up(inputs)
    kernel, cost = measured(call, inputs.device)
    return kernel, asdict(cost)


def _call(job: Job, inputs: Inputs) -> Call:
    if job.way == "reference":
        return lambda: reference(job.setting, inputs)
    return named(job.way).prepare(job.setting, inputs, job.options)


def _warm_up(inputs: Inputs) -> None:
    """Load libraries and pages that a first product would load: the same for every way."""
    with torch.no_grad():
        inputs.prompted.logits(inputs.prompted.lay_out(inputs.prompted.encode(inputs.examples.take([0]))))
    square = torch.eye(64, device=inputs.device, requires_grad=True)
    (square @ square).sum().backward()


def main(job: Job, folder: Path) -> None:
    """Do the job and write down what came of it, failures included."""
    try:
        kernel, report = work(job)
        np.save(folder / "kernel.npy", kernel.detach().cpu().double().numpy())
    except Refused as refusal:
        report = {"failure": f"refused: {refusal}"}
    except Exception as error:  # whatever a peer raises is a result of the benchmark
        traceback.print_exc()
        report = {"failure": f"{type(error).__name__}: {str(error)[:500]}"}
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Job.from_json(sys.argv[1]), Path(sys.argv[2]))
