"""What a step of many students costs: in the few coordinates that count, and in R^d.

    python -m benchmarks.teacher --rounds 3

ReLU students on rows of the sphere, at the sizes of Dayi and Chen's simulations. Our descent is timed beside
three ways in R^d (see `teacher_ways`), in one process, by turns, each with the chunk of inputs that suits it.
Before that all ways are fed the same inputs and must end at the same students.
"""

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import torch
import typer
from threadpoolctl import threadpool_limits

from benchmarks import report
from benchmarks.teacher_ways import World, alone, by_torch, drawn, given, together
from lintune.records import Stopwatch
from lintune.teacher import Descent, Problem, Student, Training, paths, problem, start

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_CHUNKS = (8, 32, 64)
_TITLES = {
    "lintune": "lintune",
    "alone": "one at a time",
    "together": "numpy, batched",
    "torch": "torch, batched",
}
# A large step size where the ways are compared: they should have gone somewhere.
_COMPARED, _LARGER = 20, 30

Run = Callable[[int], Any]
Peer = Callable[[World, Training, int, int, Any], tuple[np.ndarray, np.ndarray]]
_PEERS: dict[str, Peer] = {"alone": alone, "together": together, "torch": by_torch}


@app.command()
def main(
    dimension: Annotated[int, typer.Option(min=4, help="d")] = 2000,
    width: Annotated[int, typer.Option(min=1, help="rows k")] = 50,
    instances: Annotated[list[int] | None, typer.Option(min=1, help="instances, may be repeated")] = None,
    steps: Annotated[int, typer.Option(min=1, help="steps in R^d of one round")] = 64,
    more: Annotated[int, typer.Option(min=1, help="times as many steps in few coordinates")] = 16,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    out: Annotated[Path | None, typer.Option(help="the record (.json)")] = None,
) -> None:
    """Measure, print a table, write the record."""
    stopwatch, sizes = Stopwatch(), instances or [10, 100]
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        cases = [
            measure(dimension, width, size, joint, steps, more, rounds)
            for size in sizes
            for joint in (False, True)
        ]
    parameters = {
        "dimension": dimension,
        "width": width,
        "instances": sizes,
        "steps": steps,
        "more": more,
        "rounds": rounds,
        "threads": threads,
        "device": "cpu",
    }
    path = report.write(
        out or Path("results/benchmark_teacher.cpu.json"),
        {"cases": cases},
        parameters,
        stopwatch,
        inputs={},
        dtype="float64",
    )
    print("\n".join(table(case) for case in cases))
    print(f"\n{path}")


def measure(
    dimension: int, width: int, instances: int, joint: bool, steps: int, more: int, rounds: int
) -> dict[str, Any]:
    """Time the ways by turns.

    Args:
        dimension: d.
        width: k.
        instances: I.
        joint: Whether c^ is trained as well.
        steps: Steps in R^d of one round.
        more: Times as many steps in few coordinates, of which one takes less.
        rounds: How often every way is timed.

    Returns:
        `instances`, `joint`; by way in `ways` the microseconds of a step of one instance, `rounds` and their
        median `microseconds`, the `ratio` to lintune's, the median over rounds of the ratios within one, the
        `chunk` of steps whose inputs are drawn at once, and the `peak` of memory that numpy took, in bytes
        (None for torch, which numpy does not see); `differences` of u^ and c^ from those of one at a time
        on the same inputs.
    """
    teachers = problem(
        "relu", width, dimension, 1.0, base="sphere", quantised=False, instances=instances, seed=0
    )
    student, rate = start(teachers, 1), 1 / (dimension * width)
    training = Training(rate, rate if joint else 0.0)
    world = World.of(teachers, student, 2)
    runs: dict[str, tuple[int, Run, int | None]] = {
        "lintune": (
            steps * more,
            lambda count: paths(teachers, training, student, [count], 3),
            None,
        )
    }
    for name in _PEERS:
        chunk = _best_chunk(name, world, training, steps)
        runs[name] = steps, _peer(name, world, training, chunk), chunk
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (count, run, _) in runs.items():
            found[name].append(1e6 * _seconds(run, count) / count / instances)
    ways = {
        name: {
            "rounds": each,
            "microseconds": median(each),
            "ratio": median(np.divide(each, found["lintune"]).tolist()),
            "chunk": runs[name][2],
            "peak": None if name == "torch" else _peak(runs[name][1], runs[name][0]),
        }
        for name, each in found.items()
    }
    larger = Training(_LARGER * rate, _LARGER * rate if joint else 0.0)
    return {
        "instances": instances,
        "joint": joint,
        "ways": ways,
        "differences": differences(teachers, student, larger, _COMPARED),
    }


def differences(teachers: Problem, student: Student, training: Training, steps: int) -> dict[str, float]:
    """Feed all ways the same inputs; return the largest differences from one at a time, and how far it went.

    Args:
        teachers: The instances.
        student: Where they start.
        training: How to train.
        steps: Number of steps.

    Returns:
        By way the largest difference of an entry of u^ or c^; for lintune, of an overlap with u or c. And
        `moved`, the largest change of an overlap by these steps.
    """
    begin = here = World.of(teachers, student, 2)
    x = np.random.default_rng(4).standard_normal((len(teachers), steps, begin.rows.shape[2]))
    descent, at = Descent(teachers, training), student
    for step in range(steps):
        seen = here.seen(x[:, step])
        base = seen.base(teachers)
        at = descent.advance(at, seen, base, seen.labels(teachers, base), 0)
        u_hat, c = alone(here, training, 1, 1, given(x[:, step : step + 1]))
        here = replace(here, u_hat=u_hat, c=c)
    found = {}
    for name, peer in _PEERS.items():
        u_hat, c = peer(begin, training, steps, 7, given(x))
        found[name] = float(max(np.abs(u_hat - here.u_hat).max(), np.abs(c - here.c).max()))
    overlaps = np.vecdot(here.u_hat, here.u), np.vecdot(here.c, teachers.c)
    ours, before = (at.overlap(teachers), at.c_overlap(teachers)), student.overlap(teachers)
    found["lintune"] = float(max(np.abs(a - b).max() for a, b in zip(ours, overlaps, strict=True)))
    return {**found, "moved": float(np.abs(ours[0] - before).max())}


def table(case: dict[str, Any]) -> str:
    """Return what was measured of one case as lines of text."""
    trained = "u and c" if case["joint"] else "u"
    lines = [
        f"{case['instances']} instances, {trained} trained",
        _row("way", "us a step and instance", "x lintune", "peak MB", "chunk", "off by"),
    ]
    for name, way in case["ways"].items():
        peak = "" if way["peak"] is None else f"{way['peak'] / 1e6:.1f}"
        numbers = f"{way['microseconds']:.2f}", f"{way['ratio']:.1f}", peak, str(way["chunk"] or "")
        lines.append(_row(_TITLES[name], *numbers, f"{case['differences'][name]:.0e}"))
    return "\n".join(lines)


def _row(way: str, *numbers: str) -> str:
    time, *rest = numbers
    return f"  {way:<18}{time:>24}{''.join(f'{number:>12}' for number in rest)}"


def _peer(name: str, world: World, training: Training, chunk: int) -> Run:
    draw: Any = 3 if name == "torch" else drawn(world, 3)
    return lambda steps: _PEERS[name](world, training, steps, chunk, draw)


def _best_chunk(name: str, world: World, training: Training, steps: int) -> int:
    return min(_CHUNKS, key=lambda chunk: _seconds(_peer(name, world, training, chunk), steps))


def _seconds(run: Run, steps: int) -> float:
    before = time.perf_counter()
    run(steps)
    return time.perf_counter() - before


def _peak(run: Run, steps: int) -> int:
    tracemalloc.start()
    try:
        run(steps)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    app()
