"""Reference grids: studies too long for a page, run part by part and committed under `results/`.

    python -m pipeline.reference part strengths mr 0

`make results` runs the parts that are missing, one after the other, and puts them together; a part that is
there is never run again. Chapters show the committed records beside what this machine has just computed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer

from lintune import records
from lintune.descent import Recipe
from lintune.errors import InputError, unknown_name
from lintune.methods import LoRA, Method, Weights
from lintune.models import load as load_model
from lintune.prompted import PromptedModel
from lintune.studies import predictors
from lintune.studies.strengths import strengths
from lintune.tangents import top_layers
from lintune.tasks import FewShot, few_shot
from lintune.tasks import load as load_task

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Grid:
    """A study of one draw of a task.

    Attributes:
        run: Runs it and returns its rows.
        settings: What `run` is given beside the model and the draw.
        examples: Training examples at most; every class has the same number.
        test_examples: Test examples.
        dtype: Type of the model's numbers.
    """

    run: Callable[..., pd.DataFrame]
    settings: dict[str, Any]
    examples: int
    test_examples: int
    dtype: torch.dtype = torch.float32


def run_predictors(
    prompted: PromptedModel,
    split: FewShot,
    depths: list[int],
    kinds: list[str],
    ranks: list[int],
    recipe: dict[str, Any],
) -> pd.DataFrame:
    """Describe and train every configuration."""
    methods = predictors.configurations(prompted, depths, kinds, ranks)
    return predictors.grid(prompted, split, methods, Recipe(**recipe))


def run_strengths(
    prompted: PromptedModel,
    split: FewShot,
    depth: int,
    rank: int,
    alpha: float,
    relative: list[float],
    steps: int,
    curvature: bool,
) -> pd.DataFrame:
    """Fine-tune weights, and LoRA, of the last blocks with pulls of many strengths."""
    layers = top_layers(prompted.pretrained.model, depth)
    methods: dict[str, Method] = {
        "weights": Weights(layers),
        f"LoRA, alpha {alpha:g}": LoRA(rank, alpha, layers),
    }
    return strengths(prompted, split, methods, relative, steps=steps, curvature=curvature)


_FACTORS: dict[str, Any] = {"depth": 2, "rank": 8, "alpha": 128.0}
GRIDS = {
    "predictors": Grid(
        run_predictors,
        {
            "depths": [1, 2, 4, 6],
            "kinds": ["queries and values", "all weights"],
            "ranks": [2, 8, 32],
            "recipe": {
                "learning_rate": 1e-3,
                "steps": 20,
                "loss": "cross-entropy",
                "optimiser": "adam",
            },
        },
        examples=32,
        test_examples=100,
    ),
    # How accuracy changes with the strength.
    "strengths": Grid(
        run_strengths,
        _FACTORS | {"relative": [0.001, 0.01, 0.1, 1.0, 10.0], "steps": 25, "curvature": False},
        examples=16,
        test_examples=100,
    ),
    # How gaps fall with the strength, where float32 would not tell the smallest from rounding.
    "bounds": Grid(
        run_strengths,
        _FACTORS | {"relative": [0.01, 0.1, 1.0, 10.0, 100.0], "steps": 20, "curvature": True},
        examples=12,
        test_examples=40,
        dtype=torch.float64,
    ),
}


@app.command()
def part(grid: str, task: str, seed: int, device: Annotated[str, typer.Option()] = "cpu") -> None:
    """Run a grid on one draw of one task."""
    if grid not in GRIDS:
        raise unknown_name("grid", grid, GRIDS)
    chosen, stopwatch = GRIDS[grid], records.Stopwatch()
    loaded = load_task(task)
    split = few_shot(loaded, chosen.examples // len(loaded.classes), seed, chosen.test_examples)
    pretrained = load_model(MODEL, device, chosen.dtype)
    rows = chosen.run(PromptedModel(pretrained, loaded.prompt), split, **chosen.settings)
    rows = rows.assign(task=task, seed=seed).replace([math.inf, -math.inf], math.nan)
    about = {"model": MODEL, "task": task, "seed": seed, "examples": len(split.train)}
    records.write(
        f"{task}-{seed}",
        {"rows": rows.astype(object).where(rows.notna(), None).to_dict("records")},
        parameters={**about, "test_examples": chosen.test_examples, **chosen.settings},
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
