"""The summary of cells: means over the seeds with intervals, and the plan held against what was measured."""

import numpy as np
import pandas as pd
import pytest

from lintune.studies.cell_summary import MEAN, SPREAD, by_method, prediction
from lintune.studies.intervals import interval


def rows() -> pd.DataFrame:
    """Return three cells of one method and one of another."""
    made = []
    for place, (method, seed) in enumerate([("lora", 0), ("lora", 1), ("lora", 2), ("rows", 0)]):
        row: dict = dict.fromkeys((*SPREAD, *MEAN), float(place))
        row |= {"model": "m", "task": "t", "method": method, "seed": seed, "parameters": 5, "chance": 0.5}
        row |= {"rate": 10.0**-place, "at_edge": place == 0, "twin_diverged": place == 2}
        row |= {"kernel alignment": 0.1 * place, "kernel condition number": None if place == 1 else 4.0}
        row |= {
            "seconds": 2.0 * 2**place,
            "predicted_seconds": 2.0,
            "peak_bytes": 3e9,
            "predicted_bytes": 2e9,
        }
        row |= {"cpu_seconds": 3.0}
        row |= {"predicted_seconds_low": 1.0, "predicted_seconds_high": 5.0}
        made.append(row)
    return pd.DataFrame(made)


def test_a_line_per_method_with_intervals_over_seeds() -> None:
    table = by_method(rows()).set_index("method")
    assert list(table.index) == ["lora", "rows"]
    mean, low, high = interval([0.0, 1.0, 2.0])
    ends = ("test_score", "test_score low", "test_score high")
    assert [table[name]["lora"] for name in ends] == [mean, low, high]
    assert np.isnan(table["test_score low"]["rows"])
    assert table.seeds.tolist() == [3, 1]
    assert table.at["lora", "rates"] == [1.0, 0.1, 0.01]
    assert (table.edges.tolist(), table.twin_diverged.tolist()) == ([1, 0], [1, 0])
    assert table["kernel alignment"]["lora"] == pytest.approx(0.1)
    assert table.loc["lora", "kernel condition number"] == 4.0  # of the seeds where it is finite
    assert table.loc["lora", "measured_over_predicted"] == pytest.approx(2)


def test_the_twin_that_diverged_does_not_count_in_its_means() -> None:
    made = rows()
    made.loc[2, "twin_accuracy"] = None
    assert by_method(made).set_index("method").loc["lora", "twin_accuracy"] == 0.5


def test_predictions_are_held_against_measurements() -> None:
    found = prediction(rows())
    assert found["cells"] == 4
    assert found["seconds ratio"] == pytest.approx(2**1.5)
    assert (found["seconds smallest"], found["seconds largest"]) == pytest.approx((1, 8))
    assert found["inside"] == 0.5
    assert found["memory ratio"] == pytest.approx(1.5)
    assert found["seconds spread"] == pytest.approx(np.log([1, 2, 4, 8]).std(ddof=1))
    assert found["cpu largest"] == 1.5  # three seconds of processor where two were planned
    assert prediction(rows().assign(predicted_seconds=None)) == {"cells": 0}
