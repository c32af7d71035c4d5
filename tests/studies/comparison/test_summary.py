"""The table: a line per method, with what it cost and what it reached."""

import pandas as pd
import pytest

from lintune.studies.comparison import table
from tests.studies.comparison.made import runs

LOSSES: dict[str, dict[str, list[float | None]]] = {
    "LoRA": {"a": [1.0, 1.2], "b": [2.0, 2.0]},
    "x": {"a": [0.5, 0.7], "b": [1.0, None]},
}
COSTS = pd.DataFrame(
    [
        {
            "what": "cost",
            "method": name,
            "task": task,
            "parameters": 10 * k,
            "seconds": k,
            "peak_bytes": 100 * k,
        }
        for k, name in ((1, "LoRA"), (3, "x"))
        for task in "ab"
    ]
)


def test_means_are_over_tasks_and_costs_stand_beside() -> None:
    found = table(pd.concat([runs(LOSSES), COSTS]))
    assert list(found.index) == ["LoRA", "x"]
    assert found.test_loss.tolist() == pytest.approx([1.55, 0.8])
    assert list(found.loc["x", ["parameters", "relative", "peak_bytes"]]) == [30, 3, 300]
    assert found["test_loss low"]["LoRA"] < 1.55 < found["test_loss high"]["LoRA"]
    assert pd.isna(found["test_loss low"]["x"])
    assert found.diverged.tolist() == [0, 1]
    assert found.edges.tolist() == [1, 1]
    assert found.rates["x"] == (0.01, 0.01)
