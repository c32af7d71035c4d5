"""How the cost of a kernel grows: with texts, their length, the tuned blocks, and the rank of LoRA.

    python -m benchmarks.scaling --rounds 2

One thing varies at a time, the others stay at 32 texts of MR, all blocks and rank 8 (16 texts where the
length varies). Raw measurements and their medians go to the record.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import report
from benchmarks.compare import Comparison
from benchmarks.jobs import Job
from benchmarks.kernel import check
from benchmarks.settings import Setting
from benchmarks.ways import Options
from lintune.errors import unknown_name
from lintune.records import Stopwatch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_FULL, _LORA = Setting("full"), Setting("lora")
_TEXTS = 32
_AXES = {
    "texts_full": {texts: Job("", _FULL, texts) for texts in (8, 16, 32, 64, 128)},
    "texts_lora": {texts: Job("", _LORA, texts) for texts in (8, 16, 32, 64, 128)},
    "length": {longest: Job("", _FULL, _TEXTS // 2, longest=longest) for longest in (16, 32, 64, 128, 256)},
    "blocks": {top: Job("", Setting("full", top=top), _TEXTS) for top in (1, 3, 10, 30)},
    "rank": {rank: Job("", Setting("lora", rank=rank), _TEXTS) for rank in (1, 4, 16, 64)},
}
_WAYS = ["lintune", "lintune_low_memory", "loop", "vmap"]
_VARIANTS: dict[str, Sequence[Options]] = {"vmap": ({"chunk": 4}, {"chunk": 8})}  # the best of `kernel`


@app.command()
def main(
    axis: Annotated[list[str] | None, typer.Option(help=f"what varies: {', '.join(_AXES)}")] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 2,
    way: Annotated[list[str] | None, typer.Option(help="a way to measure")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads of each process")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    limit: Annotated[float, typer.Option(help="seconds after which a process is stopped")] = 1200,
    out: Annotated[Path | None, typer.Option(help="the record (.json)")] = None,
) -> None:
    """Measure along each axis, print a table for each value, write the record."""
    stopwatch = Stopwatch()
    ways = way or _WAYS
    check([], ways)
    chosen = {name: _along(name) for name in axis or _AXES}
    path = out or Path(f"results/benchmark_scaling.{device}.json")
    parameters = {
        "axes": [*chosen],
        "rounds": rounds,
        "ways": ways,
        "threads": threads,
        "device": device,
        "limit": limit,
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for name, along in chosen.items():
        for value, planned in along.items():
            print(f"{name} = {value}", flush=True)
            comparison = Comparison(
                replace(planned, threads=threads, device=device), ways, limit, variants=_VARIANTS
            )
            for number in range(1, rounds + 1):
                comparison.round(number)
            summary = comparison.summary()
            print(report.table(summary, device))
            found.setdefault(name, []).append({"value": value, "summary": summary, "runs": comparison.runs})
            report.write(path, {"axes": found}, parameters, stopwatch)
    print(path)


def _along(axis: str) -> dict[int, Job]:
    if axis not in _AXES:
        raise unknown_name("axis", axis, _AXES)
    return _AXES[axis]


if __name__ == "__main__":
    app()
