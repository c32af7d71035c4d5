"""What a sweep will cost, before anything runs.

    python -m pipeline.plan --sweep gpu [--jobs 8] [--hours 100] [--memory 32]

Prints a table, what it rests on and what had to be assumed; ends with 1 where a budget is exceeded.
"""

import math
import os
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated

import typer

from lintune.errors import CorruptFileError, FetchError, InputError
from pipeline.sweeps.file import load
from pipeline.sweeps.planning import Cell, Plan, make

_HEADS = ("model", "task", "method", "cells", "a cell", "95 %", "memory", "")
_SECONDS = ("seconds_low", "seconds", "seconds_high")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def lines(plan: Plan, jobs: int) -> Iterator[str]:
    """Yield what there is to say of a plan, line by line."""
    groups = groupby(plan.cells, key=lambda cell: (cell.model, cell.task, cell.method))
    rows = [_HEADS, *(_line(*names, list(cells)) for names, cells in groups)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        named = (text.ljust(width) for text, width in zip(row[:3], widths, strict=False))
        counted = (text.rjust(width) for text, width in zip(row[3:-1], widths[3:], strict=False))
        yield "  ".join((*named, *counted, row[-1])).rstrip()
    yield ""
    low, middle, high = (_time(plan.total(key)) for key in _SECONDS)
    walls = [_time(plan.wall(jobs, key)) for key in _SECONDS]
    if guessed := _guessed(plan):
        yield (
            f"lower limits, for the size of {', '.join(guessed)} is not known here: --fetch asks the hub for "
            "configurations"
        )
    yield f"{len(plan.cells)} cells: {middle} of one {plan.unit} ({low} to {high})"
    yield f"by the clock, {jobs} at a time: {walls[1]} ({walls[0]} to {walls[2]})"
    yield f"memory of a cell: at most {max(cell.cost['bytes_high'] for cell in plan.cells) / 1e9:.1f} GB"
    yield f"disk: {math.ceil(plan.disk / 1e3)} kB of records"
    yield from (f"to be fetched: {line}" for line in plan.downloads)
    yield f"by {plan.basis}"
    beyond = [cell.cost["beyond"] for cell in plan.cells if cell.cost["beyond"] > 1]
    if beyond:
        yield f"* {len(beyond)} cells are up to {max(beyond):.3g} times as large as what was measured"
    yield from (f"not known: {line}" for line in plan.unknown)
    yield from (f"? assumed: {line}" for line in plan.assumed)


def _guessed(plan: Plan) -> list[str]:
    """Return the models whose size was assumed: they may be much larger."""
    return list(dict.fromkeys(cell.model for cell in plan.cells if cell.given is None))


def exceeded(plan: Plan, hours: float | None, memory: float | None) -> list[str]:
    """Return a line for each budget that the plan exceeds, in hours of processors and GB of a cell."""
    found = []
    if (hours is not None or memory is not None) and (guessed := _guessed(plan)):
        found.append(f"nothing is known of the size of {', '.join(guessed)}: --fetch asks the hub.")
    total = plan.total("seconds") / 3600
    if hours is not None and total > hours:
        found.append(f"hours={hours:g}: the sweep takes {total:.3g}.")
    most = max(cell.cost["bytes"] for cell in plan.cells) / 1e9
    if memory is not None and most > memory:
        found.append(f"memory={memory:g} GB: a cell takes {most:.3g}.")
    return found


@app.command()
def main(
    sweep: Annotated[str, typer.Option(help="The sweep: sweeps/NAME.yml.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; the machine's cores otherwise.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Most hours of processors.")] = None,
    memory: Annotated[float | None, typer.Option(help="Most GB that a cell may take.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask hubs for what is not on this machine.")] = False,
) -> None:
    """Print what a sweep will cost."""
    if not fetch:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before transformers is imported
    try:
        written = load(sweep)
        plan = make(written)
    except (InputError, FetchError, CorruptFileError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    at_once = jobs or max(1, (os.cpu_count() or 1) // plan.threads)
    typer.echo("\n".join(lines(plan, at_once)))
    over = exceeded(plan, hours, memory)
    if over:
        typer.echo("\n".join(f"error: {line}" for line in over), err=True)
        raise typer.Exit(1)


def _line(model: str, task: str, method: str, cells: list[Cell]) -> tuple[str, ...]:
    low, middle, high = (_time(sum(cell.cost[key] for cell in cells) / len(cells)) for key in _SECONDS)
    memory = max(cell.cost["bytes"] for cell in cells) / 1e9
    marks = "?" * any(cell.assumed for cell in cells) + "*" * any(cell.cost["beyond"] > 1 for cell in cells)
    return model, task, method, str(len(cells)), middle, f"{low} to {high}", f"{memory:.1f} GB", marks


def _time(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}" if seconds < 20 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    app()
