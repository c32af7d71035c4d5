"""What a step of training costs with few rows or columns, with LoRA, and as others do it.

    python -m benchmarks.training --rounds 3

Every way trains on the same padded batch by Adam, all linear layers of all blocks, in a process of its own;
the ways take turns, round after round. LoRA is measured at the two ranks around an equal budget.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks import report
from benchmarks.jobs import environment
from benchmarks.training_ways import WAYS, nearest_rank
from benchmarks.training_worker import Job
from lintune.errors import unknown_name
from lintune.records import Stopwatch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Run = dict[str, Any]
_BASELINE = "lora-1"


@app.command()
def main(
    texts: Annotated[int, typer.Option(min=2, help="sentences of the batch")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="timed steps of each process")] = 3,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    way: Annotated[list[str] | None, typer.Option(help="a way to measure; all by default")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads of each process")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    limit: Annotated[float, typer.Option(help="seconds after which a process is stopped")] = 600,
    out: Annotated[Path | None, typer.Option(help="the record (.json)")] = None,
) -> None:
    """Measure, print a table, write the record."""
    stopwatch, ways = Stopwatch(), way or list(WAYS)
    for name in ways:
        if name not in WAYS:
            raise unknown_name("way", name, WAYS)
    job = Job("", texts, steps, threads=threads, device=device)
    parameters = asdict(job) | {"rounds": rounds, "ways": ways}
    path = out or Path(f"results/benchmark_training.{device}.json")
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name in ways:
            runs[name].append({"round": number} | run(replace(job, way=name), limit))
            print(f"round {number} of {rounds}  {name:<22}{_progress(runs[name][-1])}", flush=True)
        found = summary(runs, "cpu" if device == "cpu" else "wall")
        data = {"summary": found, "equal_budget": equal_budget(found), "runs": runs}
        report.write(path, data, parameters, stopwatch)  # anew after every round: a stopped run keeps these
    print(f"\n{table(found)}\n\n{path}")


def run(job: Job, limit: float) -> Run:
    """Run a job in a process of its own and return what it printed, or why there is nothing."""
    command = [sys.executable, "-m", "benchmarks.training_worker", json.dumps(asdict(job))]
    try:
        ended = subprocess.run(
            command, check=False, env=environment(job.threads), capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"stopped after {limit:.0f} s, set-up included"}
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        return {"failure": f"the process ended with status {ended.returncode}: {last}"}
    found: Run = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def summary(runs: Mapping[str, Sequence[Run]], clock: str) -> dict[str, Run]:
    """Return by way the medians over rounds, and of the ratios to LoRA of rank 1 within a round.

    Args:
        runs: What was measured, by way, failures included.
        clock: Which time the ratios are of, `cpu` or `wall`.
    """
    base = {run["round"]: run for run in runs.get(_BASELINE, []) if "failure" not in run}
    return {name: _summarised(done, base, clock) for name, done in runs.items()}


def _summarised(runs: Sequence[Run], base: Mapping[int, Run], clock: str) -> Run:
    worked = [run for run in runs if "failure" not in run]
    if not worked:
        return {"failure": runs[0]["failure"] if runs else "did not run"}
    both = [(run, base[run["round"]]) for run in worked if run["round"] in base]
    memory = "device_peak" if worked[0]["device_peak"] is not None else "peak"
    peaks = [run for run in worked if run[memory] is not None]
    return {
        "count": worked[0]["count"],
        "rounds": len(worked),
        "cpu": median(run["cpu"] for run in worked),
        "wall": median(run["wall"] for run in worked),
        "time_ratio": median(run[clock] / other[clock] for run, other in both) if both else None,
        "peak": median(run[memory] for run in peaks) if peaks else None,
        "memory_ratio": median(run[memory] / other[memory] for run, other in both)
        if both and len(peaks) == len(worked)
        else None,
        "kept": worked[0]["kept"],
        "losses": worked[0]["losses"],
    }


def equal_budget(found: Mapping[str, Run]) -> dict[str, int]:
    """Return the rank of LoRA whose count is nearest to that of rows and of columns, where both ran."""
    per_rank = found.get(_BASELINE, {}).get("count")
    return {
        name: nearest_rank(found[name]["count"], per_rank)
        for name in ("rows", "columns")
        if per_rank and "count" in found.get(name, {})
    }


def table(found: Mapping[str, Run]) -> str:
    """Return what was measured as lines of text."""
    heads = ("numbers", "CPU s", "wall s", "x LoRA", "peak MB", "x LoRA", "kept MB")
    lines = [f"{'way':<22}{''.join(f'{head:>9}' for head in heads)}"]
    for name, each in found.items():
        if "failure" in each:
            lines.append(f"{name:<22}{each['failure']}")
            continue
        ratios = [("" if each[key] is None else f"{each[key]:.2f}") for key in ("time_ratio", "memory_ratio")]
        peak = "" if each["peak"] is None else f"{each['peak'] / 1e6:.0f}"
        lines.append(
            f"{name:<22}{each['count']:>9}{each['cpu']:>9.2f}{each['wall']:>9.2f}{ratios[0]:>9}{peak:>9}"
            f"{ratios[1]:>9}{each['kept'] / 1e6:>9.0f}"
        )
    return "\n".join(lines)


def _progress(run: Run) -> str:
    return run["failure"] if "failure" in run else f"{run['cpu']:.2f} s CPU, {run['wall']:.2f} s wall"


if __name__ == "__main__":
    app()
