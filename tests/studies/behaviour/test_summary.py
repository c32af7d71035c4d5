"""Several tasks together: gaps, paired by draw, and the ends of the grid of rates."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lintune.errors import InputError
from lintune.studies.behaviour import HEAD, PROMPT, at_the_ends, gaps, with_prompt


def rows_of(
    task: str, seed: int, function: str, tuned: float | None, kernel: float, chi: float
) -> list[dict[str, Any]]:
    """Return the rows of one function on one draw, with some that have nothing to do with the gap."""
    start = "zero-shot" if function == PROMPT else "linear probe"
    own: list[dict[str, Any]] = [
        {"way": start, "score": 0.4, "chi": chi, "chi_held_out": 2 * chi},
        {"way": "fine-tuned", "optimiser": "sgd", "score": tuned, "rate": 1.0},
        {"way": "fine-tuned", "optimiser": "adam", "score": 0.1, "rate": 0.3},
        {"way": "kernel", "kernel": "K(SGD)", "score": kernel},
        {"way": "kernel", "kernel": "K(SignGD)", "score": 0.2},
    ]
    return [{"task": task, "seed": seed, "function": function, **row} for row in own]


def made(values: Mapping[str, Sequence[tuple[float | None, float]]]) -> pd.DataFrame:
    """Return rows with given fine-tuned scores of prompt and head, by task and draw; kernels score 0.6."""
    rows: list[dict[str, Any]] = [{"task": task, "way": "chance", "score": 0.5} for task in values]
    for task, draws in values.items():
        for seed, (prompt, head) in enumerate(draws):
            rows += rows_of(task, seed, PROMPT, prompt, 0.6, 0.3)
            rows += rows_of(task, seed, HEAD, head, 0.6, 0.1)
    return pd.DataFrame(rows)


def test_the_gap_is_fine_tuning_minus_the_kernel_of_the_same_draw() -> None:
    found = gaps(made({"a": [(0.7, 0.5)], "b": [(0.6, 0.9)]})).set_index(["task", "function"])
    np.testing.assert_allclose(found.gap, [0.1, -0.1, 0, 0.3], atol=1e-12)
    np.testing.assert_allclose(found.apart, [0.1, 0.1, 0, 0.3], atol=1e-12)
    np.testing.assert_allclose(found.chi, [0.3, 0.1, 0.3, 0.1])
    np.testing.assert_allclose(found.chi_held_out, [0.6, 0.2, 0.6, 0.2])
    np.testing.assert_allclose(found.gained, [0.3, 0.1, 0.2, 0.5], atol=1e-12)
    assert found.index.tolist() == [("a", PROMPT), ("a", HEAD), ("b", PROMPT), ("b", HEAD)]


def test_a_draw_that_diverged_has_no_gap() -> None:
    found = gaps(made({"a": [(None, 0.5), (0.7, 0.5)]}))
    assert found[["function", "seed"]].to_numpy().tolist() == [[HEAD, 0], [PROMPT, 1], [HEAD, 1]]


def test_the_interval_is_students_over_the_means_of_tasks() -> None:
    values = {"a": [(0.6, 0.8), (0.7, 0.7)], "b": [(0.6, 0.9)], "c": [(0.65, 0.7), (0.6, 0.6), (0.6, 0.66)]}
    means = np.array([np.mean([-0.2, 0.0]), -0.3, np.mean([-0.05, 0.0, -0.06])])
    found = with_prompt(gaps(made(values)))
    low, high = stats.t.interval(0.95, 2, np.mean(means), stats.sem(means))
    assert found["difference"] == pytest.approx(np.mean(means))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert (found["tasks"], found["verdict"]) == (3, "no clear difference")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"a": [(0.61, 0.8)], "b": [(0.6, 0.8)], "c": [(0.6, 0.79)]}, "smaller with the prompt"),
        ({"a": [(0.61, 0.4)], "b": [(0.6, 0.4)], "c": [(0.6, 0.41)]}, "smaller with the prompt"),
        ({"a": [(0.8, 0.61)], "b": [(0.8, 0.6)], "c": [(0.4, 0.61)]}, "larger with the prompt"),
        ({"a": [(0.8, 0.6)], "b": [(0.6, 0.8)]}, "no clear difference"),
        ({"a": [(0.6, 0.8)]}, "one task only"),
        ({"a": [(None, 0.8)], "b": [(None, 0.8)]}, "not measured"),
    ],
)
def test_the_verdict_follows_from_the_interval(
    values: dict[str, list[tuple[float | None, float]]], verdict: str
) -> None:
    assert with_prompt(gaps(made(values)))["verdict"] == verdict


def test_draws_are_paired_before_they_are_averaged() -> None:
    # The second draw has no prompt: its fresh head must not enter.
    found = with_prompt(gaps(made({"a": [(0.6, 0.7), (None, 1.0)], "b": [(0.6, 0.7)]})))
    assert found["difference"] == pytest.approx(-0.1)


def test_other_columns_are_compared_alike() -> None:
    found = with_prompt(gaps(made({"a": [(0.6, 0.8)], "b": [(0.6, 0.8)]})), "chi")
    assert found["difference"] == pytest.approx(0.2)
    assert found["verdict"] == "larger with the prompt"


def test_choices_at_the_ends_of_the_grid_count_once_for_a_task_and_function() -> None:
    rows = made({"a": [(0.6, 0.8), (0.6, 0.8)], "b": [(0.6, 0.8)]})
    found = at_the_ends(rows, {"sgd": (0.5, 1.0), "adam": (0.1, 0.3, 1.0)})
    assert list(found.loc[("fine-tuned", "sgd"), :]) == [4, 0, 4]
    assert list(found.loc[("fine-tuned", "adam"), :]) == [4, 0, 0]
    found = at_the_ends(rows, {"sgd": (1.0, 4.0), "adam": (0.3,)})
    assert list(found.loc[("fine-tuned", "sgd"), :]) == [4, 4, 0]
    assert list(found.loc[("fine-tuned", "adam"), :]) == [4, 4, 4]


def test_candidates_that_lack_a_chosen_rate_are_refused() -> None:
    with pytest.raises(InputError, match="adam"):
        at_the_ends(made({"a": [(0.6, 0.8)]}), {"sgd": (1.0,), "adam": (0.1, 1.0)})


def test_runs_that_diverged_chose_nothing() -> None:
    rows = made({"a": [(0.6, 0.8)]})
    rows.loc[rows.optimiser == "sgd", "rate"] = np.nan
    assert at_the_ends(rows, {"sgd": (1.0,), "adam": (0.3,)}).index.tolist() == [("fine-tuned", "adam")]
