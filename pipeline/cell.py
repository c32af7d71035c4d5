"""One cell of a sweep, and all of them together; `sweep.smk` calls both.

python -m pipeline.cell run build/sweep/smoke/.../0.json '{"model": "smollm2-135m", ...}'
python -m pipeline.cell together build/sweep/smoke/plan.json build/sweep/smoke/summary.json
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from lintune.errors import CorruptFileError, DivergedError, FetchError, InputError
from pipeline import parent

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_KNOWN = (InputError, FetchError, CorruptFileError, DivergedError, MemoryError)


@app.command()
def run(
    out: Path,
    given: str,
    end_with_parent: parent.EndWithParent = False,
) -> None:
    """Do the work of a cell, given as JSON, and write its record."""
    if end_with_parent:
        parent.end_with_parent()
    asked: dict[str, Any] = json.loads(given)
    try:
        _run(out, asked)
    except Exception as error:
        import torch

        if not isinstance(error, (*_KNOWN, torch.OutOfMemoryError)):
            raise
        where = " x ".join(str(asked[key]) for key in ("model", "task", "label", "seed"))
        what = "out of memory: " if isinstance(error, MemoryError | torch.OutOfMemoryError) else ""
        typer.echo(f"error: cell {where}: {what}{error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def together(
    plan: Path,
    out: Path,
    partial: Annotated[bool, typer.Option(help="Also where cells are missing.")] = False,
) -> None:
    """Put the cells of a plan into one record, and into a table beside it (.csv)."""
    from pipeline.sweeps.summary import summarise

    try:
        summarise(plan, out, partial)
    except (InputError, CorruptFileError, FetchError, OSError) as error:  # OSError: disk full, not writable
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _run(out: Path, asked: dict[str, Any]) -> None:
    began = time.monotonic()
    from lintune import records

    stopwatch = records.Stopwatch()  # before the library is read: a later edit is newer than this cell
    import torch

    from lintune import models, tasks
    from lintune.adapters.options import unpacked
    from lintune.prompted import PromptedModel
    from lintune.studies.cells import Effort, cell

    effort = asked["effort"]
    settings = Effort(**{**effort, "rates": tuple(effort["rates"])})
    method = unpacked(asked["method"], asked["options"], {})
    task = tasks.load(asked["task"])
    pretrained = models.load(asked["model"], asked["device"], getattr(torch, asked["dtype"]))
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), settings.longest)
    loading = time.monotonic() - began
    found = cell(prompted, task, method, asked["seed"], settings)
    found["stages"] = {"load": loading, **found["stages"]}
    used = {
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time(),
        "peak_bytes": _peak(asked),
    }
    records.write(
        " x ".join(str(asked[key]) for key in ("model", "task", "label", "seed")),
        {**found, **used},
        parameters=asked,
        inputs={f"model {pretrained.name}": pretrained.weights, f"task {asked['task']}": task.source.sha256},
        device=asked["device"],
        dtype=asked["dtype"],
        stopwatch=stopwatch,
        path=out,
    )


def _peak(asked: dict[str, Any]) -> int:
    """Return the most bytes that this process held, on a GPU those of its tensors."""
    import torch

    if asked["device"].startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(asked["device"]))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    app()
