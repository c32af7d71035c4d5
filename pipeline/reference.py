"""Reference grids: studies too long for a page, run part by part and committed under `results/`.

`make results` runs the parts that are missing, one after the other, and puts them together; a part that is
there is never run again. Chapters show the committed records beside what this machine has just computed.
"""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from lintune import records
from lintune.descent import Recipe
from lintune.models import load as load_model
from lintune.prompted import PromptedModel
from lintune.studies import predictors
from lintune.tasks import few_shot
from lintune.tasks import load as load_task

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

MODEL = "smollm2-135m"
# Which configurations the predictors are held against, and how each is trained.
GRID: dict[str, Any] = {
    "depths": [1, 2, 4, 6],
    "kinds": ["queries and values", "all weights"],
    "ranks": [2, 8, 32],
}
TRAINING: dict[str, Any] = {
    "learning_rate": 1e-3,
    "steps": 20,
    "loss": "cross-entropy",
    "optimiser": "adam",
}
EXAMPLES, TEST_EXAMPLES = 32, 100


@app.command("predictors")
def predictors_part(task: str, seed: int, device: Annotated[str, typer.Option()] = "cpu") -> None:
    """Describe and train every configuration on one draw of one task."""
    stopwatch = records.Stopwatch()
    loaded = load_task(task)
    shots = EXAMPLES // len(loaded.classes)
    pretrained = load_model(MODEL, device=device)
    prompted = PromptedModel(pretrained, loaded.prompt)
    split = few_shot(loaded, shots, seed, TEST_EXAMPLES)
    methods = predictors.configurations(prompted, **GRID)
    rows = predictors.grid(prompted, split, methods, Recipe(**TRAINING))
    records.write(
        f"{task}-{seed}",
        {"rows": rows.assign(task=task, seed=seed).to_dict("records")},
        parameters={
            "model": MODEL,
            "task": task,
            "seed": seed,
            "shots": shots,
            "test_examples": TEST_EXAMPLES,
            **GRID,
            "recipe": TRAINING,
        },
        inputs={f"model {MODEL}": pretrained.weights, f"task {task}": loaded.source.sha256},
        device=device,
        dtype="float32",
        stopwatch=stopwatch,
    )


@app.command("together")
def together(name: str, parts: list[Path]) -> None:
    """Put the parts of a grid together into one record."""
    stopwatch = records.Stopwatch()
    found = [records.read(part) for part in parts]
    rows = pd.concat([pd.DataFrame(part["data"]["rows"]) for part in found], ignore_index=True)
    device = "cuda" if any("cpu" not in part["environment"]["device"] for part in found) else "cpu"
    records.write(
        name,
        {
            "rows": rows.to_dict("records"),
            "parts": {
                part["name"]: {"environment": part["environment"], "run": part["run"]} for part in found
            },
        },
        parameters={part["name"]: part["parameters"] for part in found},
        inputs={key: value for part in found for key, value in part["inputs"].items()},
        device=device,
        dtype="float32",
        stopwatch=stopwatch,
    )


if __name__ == "__main__":
    app()
