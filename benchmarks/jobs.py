"""One measurement: what it is, and its run in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.settings import Setting

SCRATCH = Path("build/benchmark")


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Attributes:
        way: Name of the way, or `reference`.
        setting: What is tuned.
        texts: Number of sentences n.
        options: Options of the way.
        longest: Tokens of each prompt; None for sentences as they are.
        threads: Threads of torch.
        device: Where the model goes.
    """

    way: str
    setting: Setting
    texts: int
    options: dict[str, Any] = field(default_factory=dict)
    longest: int | None = None
    threads: int = 1
    device: str = "cpu"

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Read what `to_json` wrote."""
        found = json.loads(text)
        return cls(**found | {"setting": Setting(**found["setting"])})

    def to_json(self) -> str:
        """Return the job as one line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        measured: The costs by name (`benchmarks.measure.Cost`); empty where it failed.
        kernel: The kernel, or its first rows; None where it failed.
        failure: Why there is no kernel; None where there is one.
    """

    measured: dict[str, Any]
    kernel: np.ndarray | None
    failure: str | None = None


def run(job: Job, limit: float) -> Outcome:
    """Run a job in a process of its own.

    Args:
        job: What to do.
        limit: Seconds after which it is stopped.
    """
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        command = [sys.executable, "-m", "benchmarks.worker", job.to_json(), folder]
        try:
            ended = subprocess.run(
                command,
                check=False,
                env=environment(job.threads),
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return Outcome({}, None, f"stopped after {limit:.0f} s, set-up included")
        report = Path(folder) / "report.json"
        if not report.exists():
            last = (ended.stderr.strip().splitlines() or [""])[-1]
            return Outcome({}, None, f"the process ended with status {ended.returncode}: {last}")
        found = json.loads(report.read_text())
        if "failure" in found:
            return Outcome({}, None, found["failure"])
        return Outcome(found, np.load(Path(folder) / "kernel.npy"))


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker: as many threads as asked for, in every library."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads)), "TOKENIZERS_PARALLELISM": "false"}
