"""Compare ways to compute one tangent kernel, side by side.

    python -m benchmarks.kernel --setting full --setting lora --texts 32 --rounds 3

Every way computes the same `(n, n)` kernel of the same sentences, in a process of its own; the ways take
turns, round after round, so that what else the machine does hits all alike. Ways that fail are in the record
with the reason. The record is written anew after every round: a run that is stopped keeps what it has.
"""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import report
from benchmarks.compare import Comparison, reference_of
from benchmarks.jobs import Job
from benchmarks.settings import Setting
from benchmarks.ways import WAYS, named
from lintune.errors import InputError
from lintune.records import Stopwatch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_SETTINGS = {"full": Setting("full"), "lora": Setting("lora")}


@app.command()
def main(
    setting: Annotated[list[str] | None, typer.Option(help="full or lora; both by default")] = None,
    texts: Annotated[int, typer.Option(min=2, help="sentences n")] = 32,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    way: Annotated[list[str] | None, typer.Option(help="a way to measure; all by default")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads of each process")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    limit: Annotated[float, typer.Option(help="seconds after which a process is stopped")] = 1200,
    out: Annotated[Path | None, typer.Option(help="the record (.json)")] = None,
) -> None:
    """Measure, print a table for each setting, write the record."""
    stopwatch = Stopwatch()
    chosen = setting or list(_SETTINGS)
    ways = way or list(WAYS)
    check(chosen, ways)
    parameters = {
        "settings": chosen,
        "texts": texts,
        "rounds": rounds,
        "ways": ways,
        "threads": threads,
        "device": device,
        "limit": limit,
    }
    comparisons = {}
    for name in chosen:
        job = Job("", _SETTINGS[name], texts, threads=threads, device=device)
        comparisons[name] = Comparison(job, ways, limit, reference_of(job, limit))
    path = out or Path(f"results/benchmark_kernel.{device}.json")
    for number in range(1, rounds + 1):
        for name, comparison in comparisons.items():
            print(f"round {number} of {rounds}, {name}", flush=True)
            comparison.round(number)
        found = {name: {"summary": c.summary(), "runs": c.runs} for name, c in comparisons.items()}
        report.write(path, {"settings": found}, parameters, stopwatch)
    for name, comparison in comparisons.items():
        print(f"\n{name}, {texts} texts\n{report.table(comparison.summary(), device)}")
    print(f"\n{path}")


def check(settings: list[str], ways: list[str]) -> None:
    """Refuse unknown names before anything runs.

    Raises:
        InputError: A setting or a way is not known.
    """
    for name in settings:
        if name not in _SETTINGS:
            raise InputError(f"setting={name!r} must be one of {', '.join(_SETTINGS)}.")
    for name in ways:
        named(name)


if __name__ == "__main__":
    app()
