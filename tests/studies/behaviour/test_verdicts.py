"""Verdicts on made-up numbers: at the thresholds, with gaps, without improvement, over several draws."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lintune.errors import InputError
from lintune.studies.behaviour import HEAD, PROMPT, RECOVERS, SOLVES, TURNS, verdicts


def table(
    *draws: tuple[float | None, float | None, float | None, float | None, float | None],
    function: str = PROMPT,
    optimiser: str = "sgd",
    kernel: str = "K(SGD)",
) -> pd.DataFrame:
    """Return rows of draws, each of start, fine-tuned, linearised, kernel and change of the kernel."""
    rows: list[dict[str, Any]] = [{"way": "chance", "score": 0.5, "function": None}]
    for seed, (start, tuned, line, regression, change) in enumerate(draws):
        way = "zero-shot" if function == PROMPT else "linear probe"
        rows += [
            {"function": function, **row}
            for row in (
                {"way": way, "score": start, "seed": seed},
                {
                    "way": "fine-tuned",
                    "score": tuned,
                    "seed": seed,
                    "optimiser": optimiser,
                    "kernel_drift": change,
                },
                {"way": "linearised", "score": line, "seed": seed, "optimiser": optimiser},
                {"way": "kernel", "score": regression, "seed": seed, "kernel": kernel},
                {"way": "kernel", "score": 0.0, "seed": seed, "kernel": "another"},
            )
        ]
    return pd.DataFrame(rows)


def only(frame: pd.DataFrame, noise: float = 0.0) -> dict[str, Any]:
    found = verdicts(frame, noise)
    assert len(found) == 1
    return dict(found.iloc[0])


def test_the_thresholds_are_those_that_the_chapter_names() -> None:
    assert (SOLVES, RECOVERS, TURNS) == (0.9, 0.5, 2.0)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        ((0.5, 1.0, 0.75, 0.9, 1.999), (True, True, True, True)),
        ((0.5, 1.0, 0.75, 0.899, 1.999), (False, True, True, False)),
        ((0.5, 1.0, 0.749, 0.9, 1.999), (True, False, True, False)),
        ((0.5, 1.0, 0.75, 0.9, 2.0), (True, True, False, False)),
        ((0.5, 1.0, 1.1, 1.1, 0.0), (True, True, True, True)),
        ((0.5, 1.0, 0.4, 0.9, 0.0), (True, False, True, False)),
    ],
)
def test_each_property_is_judged_at_its_threshold(
    draw: tuple[float, float, float, float, float], expected: tuple[bool, bool, bool, bool]
) -> None:
    found = only(table(draw))
    names = ("kernel solves", "linearisation", "fixed features", "kernel behaviour")
    assert tuple(found[name] for name in names) == expected
    assert found["solves"] == pytest.approx(draw[3] / draw[1])
    assert found["recovers"] == pytest.approx((draw[2] - draw[0]) / (draw[1] - draw[0]))
    assert found["draws that agree"] == 1


@pytest.mark.parametrize("tuned", [0.5, 0.4])
def test_without_improvement_there_is_nothing_to_recover(tuned: float) -> None:
    found = only(table((0.5, tuned, 0.6, 0.5, 0.1)))
    assert pd.isna(found["recovers"])
    assert found["linearisation"] is None
    assert found["kernel solves"]
    assert found["kernel behaviour"] is None
    assert not only(table((0.5, tuned, 0.6, 0.1, 0.1)))["kernel behaviour"]


@pytest.mark.parametrize(
    ("draw", "unknown"),
    [
        ((0.5, 0.8, None, 0.8, 0.1), "linearisation"),
        ((None, 0.8, 0.7, 0.8, 0.1), "linearisation"),
        ((0.5, 0.8, 0.8, None, 0.1), "kernel solves"),
        ((0.5, 0.8, 0.8, 0.8, None), "fixed features"),
    ],
)
def test_what_is_missing_leaves_the_whole_open_unless_another_property_fails(
    draw: tuple[float | None, ...], unknown: str
) -> None:
    found = only(table(draw))  # type: ignore[arg-type]
    assert found[unknown] is None
    assert found["kernel behaviour"] is None
    worse = [*draw[:3], 0.1, draw[4]] if unknown != "kernel solves" else [*draw[:4], 9.0]
    assert only(table(tuple(worse)))["kernel behaviour"] in (False,)  # type: ignore[arg-type]


def test_training_that_diverged_everywhere_is_no_verdict() -> None:
    found = only(table((0.5, None, None, 0.6, None)))
    names = ("kernel solves", "linearisation", "fixed features", "kernel behaviour")
    assert [found[name] for name in names] == [None] * 4


def test_a_table_without_a_change_of_the_kernel_is_judged() -> None:
    found = only(table((0.5, 0.8, 0.8, 0.8, 1.0)).drop(columns="kernel_drift"))
    assert found["fixed features"] is None
    assert found["kernel solves"]


def test_a_score_of_nothing_is_no_divisor() -> None:
    assert only(table((0.0, 0.0, 0.0, 0.0, 0.1)))["kernel solves"] is None


def test_the_median_over_draws_decides_and_the_draws_that_agree_are_counted() -> None:
    good, bad = (0.5, 1.0, 0.9, 1.0, 0.1), (0.5, 1.0, 0.9, 0.2, 0.1)
    found = only(table(good, bad, good))
    assert found["kernel behaviour"]
    assert found["draws that agree"] == pytest.approx(2 / 3)
    found = only(table(good, bad, bad, good, bad))
    assert not found["kernel behaviour"]
    assert found["kernel"] == pytest.approx(0.2)
    assert found["draws that agree"] == pytest.approx(3 / 5)


def test_a_draw_on_which_the_network_diverged_is_left_out_whole() -> None:
    # Start, linearised model and kernel of that draw would move every median.
    diverged = (0.0, None, 0.1, 0.2, None)
    found = only(table((0.5, 0.9, 0.8, 0.9, 0.1), diverged, (0.3, 0.7, 0.6, 0.5, 0.3)))
    expected = {"start": 0.4, "fine-tuned": 0.8, "linearised": 0.7, "kernel": 0.7, "kernel change": 0.2}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["recovers"] == pytest.approx(0.75)


def test_a_draw_on_which_the_network_diverged_has_no_voice() -> None:
    good = (0.5, 1.0, 0.9, 1.0, 0.1)
    assert only(table(good, (0.5, None, 0.9, 1.0, None), good))["draws that agree"] == 1


def test_a_linearised_model_that_diverged_leaves_the_rest_of_its_draw() -> None:
    found = only(table((0.5, 0.9, 0.8, 0.9, 0.1), (0.5, 0.7, None, 0.7, 0.3)))
    assert found["fine-tuned"] == pytest.approx(0.8)
    assert found["linearised"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("optimiser", "kernel"), [("sgd", "K(SGD)"), ("signgd", "K(A-SignGD)"), ("adam", "K(A-SignGD)")]
)
@pytest.mark.parametrize("function", [PROMPT, HEAD])
def test_every_optimiser_is_judged_by_its_own_kernel(optimiser: str, kernel: str, function: str) -> None:
    good = (0.5, 0.9, 0.9, 0.9, 0.1)
    found = only(table(good, function=function, optimiser=optimiser, kernel=kernel))
    assert found["kernel solves"]
    assert (found["function"], found["optimiser"]) == (function, optimiser)
    other = {"K(SGD)": "K(A-SignGD)", "K(A-SignGD)": "K(SGD)"}[kernel]
    unknown = only(table(good, function=function, optimiser=optimiser, kernel=other))
    assert unknown["kernel solves"] is None


def test_functions_and_optimisers_have_rows_of_their_own() -> None:
    both = pd.concat(
        [
            table((0.5, 0.9, 0.9, 0.9, 0.1)),
            table((0.2, 0.9, 0.3, 0.9, 0.1), function=HEAD),
        ],
        ignore_index=True,
    )
    found = verdicts(both).set_index("function")
    assert found.linearisation.to_dict() == {PROMPT: True, HEAD: False}
    np.testing.assert_allclose(found.start, [0.5, 0.2])


@pytest.mark.parametrize(("noise", "recovered"), [(0.0, True), (0.09, True), (0.11, None)])
def test_an_improvement_within_the_noise_counts_as_none(noise: float, recovered: bool | None) -> None:
    found = only(table((0.5, 0.6, 0.6, 0.6, 0.1)), noise)
    assert found["linearisation"] == recovered
    assert found["kernel behaviour"] == recovered


def test_an_improvement_of_just_the_noise_counts_as_none_in_draws_and_median() -> None:
    clear, just = (0.5, 1.0, 0.9, 1.0, 0.1), (0.5, 0.75, 0.75, 0.75, 0.1)
    assert only(table(just), 0.25)["linearisation"] is None
    assert only(table(clear, just, clear))["draws that agree"] == 1
    found = only(table(clear, just, clear), 0.25)
    assert found["kernel behaviour"]
    assert found["draws that agree"] == pytest.approx(2 / 3)


def test_rows_of_several_tasks_are_refused() -> None:
    rows = table((0.5, 0.9, 0.9, 0.9, 0.1))
    both = pd.concat([rows.assign(task="a"), rows.assign(task="b")])
    with pytest.raises(InputError, match="judge one at a time"):
        verdicts(both)
