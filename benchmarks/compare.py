"""Several ways on the same job, measured in rounds, and what to conclude from the measurements."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.inputs import MODEL, TASK
from benchmarks.jobs import SCRATCH, Job, run
from benchmarks.ways import Options, named
from lintune import tasks
from lintune.errors import CorruptFileError
from lintune.models import BUNDLED

BASELINE = "lintune"

Run = dict[str, Any]


@dataclass
class Comparison:
    """Ways to compute one kernel, measured in rounds: every round runs each way once, one after the other.

    In the first round all variants of a way run; the fastest alone runs in later rounds. A way of which no
    variant succeeded does not run again.

    Attributes:
        job: What all ways compute; its way and options are replaced by each.
        ways: Their names.
        limit: Seconds after which a run is stopped.
        reference: The float64 kernel; None where errors are not asked for.
        variants: Options to try, by way, where they are not to be all that the way has.
        runs: What was measured so far, by way, failures included.
    """

    job: Job
    ways: Sequence[str]
    limit: float
    reference: np.ndarray | None = None
    variants: Mapping[str, Sequence[Options]] = field(default_factory=dict)
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def round(self, number: int) -> None:
        """Measure every way once."""
        for name in self.ways:
            done = self.runs.setdefault(name, [])
            for options in self._options(name):
                measured = self._measured(replace(self.job, way=name, options=dict(options)))
                done.append({"round": number, "options": dict(options)} | measured)
                print(_progress(name, done[-1]), flush=True)

    def summary(self) -> dict[str, Run]:
        """Return, by way, medians over the rounds of its fastest variant and its ratio to lintune."""
        by_round = {run["round"]: run for run in _best(self.runs.get(BASELINE, []), self._clock)}
        return {name: summarise(runs, by_round, self._clock) for name, runs in self.runs.items()}

    @property
    def _clock(self) -> str:
        """On a shared machine processor time is disturbed least; a GPU's work shows on the wall clock."""
        return "cpu" if self.job.device == "cpu" else "wall"

    def _options(self, name: str) -> Sequence[Options]:
        done = self.runs[name]
        if not done:
            return self.variants.get(name) or named(name).variants_for(self.job.texts)
        return [best[0]["options"]] if (best := _best(done, self._clock)) else []

    def _measured(self, job: Job) -> Run:
        outcome = run(job, self.limit)
        if outcome.kernel is None:
            return {"failure": outcome.failure}
        rows = len(outcome.kernel)
        return outcome.measured | {
            "rows": rows,
            "scaled_by": job.texts / rows if rows else 1.0,
            "error": error(outcome.kernel, self.reference),
        }


def error(kernel: np.ndarray, reference: np.ndarray | None) -> float | None:
    """Return the Frobenius error of a kernel's first rows, relative to the reference's; None without rows."""
    if reference is None or not len(kernel):
        return None
    wanted = reference[: len(kernel)]
    return float(np.linalg.norm(kernel - wanted) / np.linalg.norm(wanted))


def summarise(runs: Sequence[Run], baseline: Mapping[int, Run], clock: str) -> Run:
    """Return medians of one way's fastest variant, or why there are none.

    Args:
        runs: What was measured of the way.
        baseline: The baseline's run by round.
        clock: Which time counts, `cpu` or `wall`.
    """
    best = _best(runs, clock)
    if not best:
        return {"failure": runs[0]["failure"] if runs else "did not run"}
    both = [(run, baseline[run["round"]]) for run in best if run["round"] in baseline]
    return {
        "options": best[0]["options"],
        "rounds": len(best),
        "wall": median(seconds(run, "wall") for run in best),
        "cpu": median(seconds(run, "cpu") for run in best),
        "scaled_by": best[0]["scaled_by"],
        "ratio": median(seconds(run, clock) / seconds(base, clock) for run, base in both) if both else None,
        "peak": _median_of(best, "peak"),
        "device_peak": _median_of(best, "device_peak"),
        "error": _median_of(best, "error"),
    }


def seconds(run: Run, clock: str) -> float:
    """Return the seconds of a run, scaled to the whole kernel where it computed a part."""
    return float(run[clock] * run["scaled_by"])


def _best(runs: Sequence[Run], clock: str) -> list[Run]:
    """Return the runs of the variant that was fastest in the first round, those that succeeded."""
    worked = [run for run in runs if "failure" not in run]
    if not worked:
        return []
    first = worked[0]["round"]
    fastest = min((run for run in worked if run["round"] == first), key=lambda run: seconds(run, clock))
    return [run for run in worked if run["options"] == fastest["options"]]


def _median_of(runs: Sequence[Run], name: str) -> float | None:
    values = [run[name] for run in runs if run[name] is not None]
    return median(values) if values else None


def _progress(name: str, run: Run) -> str:
    label = f"  {name} {run['options'] or ''}".ljust(44)
    if "failure" in run:
        return f"{label}{run['failure']}"
    return f"{label}{run['cpu']:8.1f} s CPU {run['wall']:8.1f} s wall"


def inputs_by_hash() -> dict[str, str]:
    """Return the hashes of model and data, for the record."""
    return {MODEL: BUNDLED[MODEL].weights, TASK: tasks.load(TASK).source.sha256}


def reference_of(job: Job, limit: float) -> np.ndarray:
    """Return the float64 kernel of a job's inputs, from the cache where it is there.

    Raises:
        CorruptFileError: It could not be computed.
    """
    reference = replace(job, way="reference", options={})
    key = hashlib.sha256(f"{reference.to_json()} {inputs_by_hash()}".encode()).hexdigest()[:16]
    path = SCRATCH / f"reference-{job.setting.kind}-{key}.npy"
    if not path.exists():
        print(f"computing the float64 reference of {job.setting.kind} (kept in {path})", flush=True)
        outcome = run(reference, limit)
        if outcome.kernel is None:
            raise CorruptFileError(f"no reference: {outcome.failure}")
        np.save(path, outcome.kernel)
    found: np.ndarray = np.load(path)
    return found
