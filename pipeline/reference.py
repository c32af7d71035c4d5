"""Reference grids: studies too long for a page, run part by part and committed under `results/`.

    python -m pipeline.reference part strengths mr 0

`make results` runs the parts that are missing, one after the other, and puts them together; a part that is
there is never run again. Chapters show the committed records beside what this machine has just computed.
The grids are in `pipeline.grids`; which tasks and draws each has is in `results.smk`.
"""

import math
import re
from pathlib import Path
from typing import Annotated

import typer

from lintune import records
from lintune.errors import InputError, unknown_name
from lintune.models import load as load_model
from lintune.tasks import load as load_task
from pipeline.grids import GRIDS

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

MODEL = "smollm2-135m"


@app.command()
def part(grid: str, task: str, seeds: str, device: Annotated[str, typer.Option()] = "cpu") -> None:
    """Run a grid on some draws of one task; seeds are written 13-21-42."""
    if grid not in GRIDS:
        raise unknown_name("grid", grid, GRIDS)
    if not re.fullmatch(r"\d+(-\d+)*", seeds):
        raise InputError(f"seeds={seeds!r} must be numbers with - between them, as in 13-21-42.")
    chosen, stopwatch, numbers = GRIDS[grid], records.Stopwatch(), [int(seed) for seed in seeds.split("-")]
    loaded = load_task(task)
    pretrained = load_model(MODEL, device, chosen.dtype)
    rows = chosen.run(pretrained, loaded, numbers, **chosen.settings)
    rows = rows.assign(task=task).replace([math.inf, -math.inf], math.nan)
    records.write(
        f"{task}-{seeds}",
        {"rows": rows.astype(object).where(rows.notna(), None).to_dict("records")},
        parameters={"model": MODEL, "task": task, "seeds": numbers, **chosen.settings},
        inputs={f"model {MODEL}": pretrained.weights, f"task {task}": loaded.source.sha256},
        device=device,
        dtype=str(chosen.dtype).removeprefix("torch."),
        stopwatch=stopwatch,
    )


@app.command()
def together(name: str, parts: list[Path]) -> None:
    """Put the parts of a grid together into one record."""
    stopwatch = records.Stopwatch()
    found = [records.read(part) for part in parts]
    first = found[0]["environment"]
    for name_of in ("device", "dtype"):
        if len({part["environment"][name_of] for part in found}) > 1:
            raise InputError(f"the parts of {name} differ in {name_of}: run them on one kind of machine.")
    records.write(
        name,
        {
            "rows": [row for part in found for row in part["data"]["rows"]],
            "parts": {
                part["name"]: {"environment": part["environment"], "run": part["run"]} for part in found
            },
        },
        parameters={part["name"]: part["parameters"] for part in found},
        inputs={key: value for part in found for key, value in part["inputs"].items()},
        device="cpu" if first["device"].startswith("cpu") else "cuda",
        dtype=first["dtype"],
        stopwatch=stopwatch,
    )


if __name__ == "__main__":
    app()
