"""The reference grids of the study: their settings are a plan's, and a small one runs."""

from typing import Any

import pytest

from lintune.studies.behaviour import HEAD, PROMPT, Effort, Plan, verdicts
from pipeline.grids import GRIDS, run_behaviour
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

# Sizes, and nothing else of what a grid says.
SMALL: dict[str, Any] = {"depth": 1, "shots": 3, "validation_shots": 2, "test_examples": 9, "longest": 32}
GRID_NAMES = [name for name, grid in GRIDS.items() if grid.run is run_behaviour]


@pytest.mark.parametrize("name", GRID_NAMES)
def test_settings_are_those_of_a_plan(name: str) -> None:
    settings = dict(GRIDS[name].settings)
    plan = Plan(effort=Effort(**settings.pop("effort")), **settings)
    assert plan.shots == int(name.removeprefix("behaviour_"))
    assert set(plan.optimisers) == {PROMPT, HEAD}
    assert "sgd" in plan.optimisers[PROMPT]
    assert "sgd" in plan.optimisers[HEAD]


def test_a_small_grid_runs() -> None:
    grid = GRIDS["behaviour_16"]
    effort = grid.settings["effort"] | {"steps": 2, "batch": 4}
    model = pretrained("llama", grid.dtype)
    rows = grid.run(model, task(), [13], **(grid.settings | SMALL | {"effort": effort}))
    runs = rows[rows.way == "fine-tuned"]
    expected = [(function, each) for function, every in grid.settings["optimisers"].items() for each in every]
    assert list(zip(runs.function, runs.optimiser, strict=True)) == expected
    assert rows.score.notna().all()
    assert runs.kernel_drift.notna().all()
    assert all(row.rate in effort["rates"][row.optimiser] for row in runs.itertuples())
    assert len(verdicts(rows)) == len(expected)
