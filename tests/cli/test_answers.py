"""The three answers: what they say follows from the numbers and the thresholds."""

from typing import Any

import pandas as pd
import pytest

from lintune.cli.diagnosis.answers import Answer, Finding, answers, plain
from lintune.cli.diagnosis.likeness import likeness
from lintune.cli.diagnosis.scores import references, scores
from lintune.studies.behaviour import RECOVERS, SOLVES, TURNS, verdicts
from tests.cli.rows import LIKE, rows


def answered(found: pd.DataFrame, draws: int = 3) -> list[Answer]:
    return answers(found, verdicts(found), draws)


def finding(found: pd.DataFrame, question: int) -> Finding:
    (only,) = answered(found)[question].findings
    return only


def test_behaviour_that_holds_is_said_with_numbers_and_thresholds() -> None:
    holds = finding(rows(), 0)
    assert (
        holds.says == "kernel behaviour holds; judged alone, 2 of 3 draws say the same."
    )  # 0.7 / 0.78 < 0.9
    solves, linearisation, features = holds.because
    assert solves.startswith("kernel solves: yes, ")
    assert "scores 0.790, 0.99 of the fine-tuned 0.800" in solves
    assert "recovers 0.83 of the improvement" in linearisation
    assert "changed by 0.40 of its norm" in features
    for said, threshold in zip(holds.because, (SOLVES, RECOVERS, TURNS), strict=True):
        assert said.endswith(f" {threshold}.")
    assert holds.numbers == {"draws that agree": 2, "draws": 3}
    assert answered(rows())[0].thresholds == {
        "kernel solves": SOLVES,
        "linearisation": RECOVERS,
        "fixed features": TURNS,
    }


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"kernel": (0.6, 0.6, 0.6)}, 0),
        ({"linear": (0.6, 0.6, 0.6)}, 1),
        ({"change": (2.0, 2.1, 1.9)}, 2),
    ],
)
def test_one_property_that_fails_is_enough(changed: dict, place: int) -> None:
    fails = finding(rows(**changed), 0)
    assert fails.says.startswith("kernel behaviour does not hold;")
    said = [": yes, " in line for line in fails.because]
    assert said == [number != place for number in range(3)]
    assert ": no, " in fails.because[place]


def test_nothing_improved_leaves_behaviour_open() -> None:
    found = rows(tuned=(0.5, 0.5, 0.4))
    cannot = finding(found, 0)
    assert cannot.says.startswith("whether kernel behaviour holds cannot be said")
    assert "linearisation: not known" in cannot.because[1]
    assert "fine-tuning scores 0.500, from 0.500 at the start" in cannot.because[1]
    assert "fine-tuning improves nothing" in finding(found, 2).says


def test_training_that_diverged_is_not_known() -> None:
    lost = rows(tuned=(None,) * 3, change=(float("nan"),) * 3, like=dict.fromkeys(LIKE, (None,) * 3))
    behaves, fits, recovers = (finding(lost, question) for question in range(3))
    assert behaves.says.startswith("whether kernel behaviour holds cannot be said")
    assert all(": not known, " in line for line in behaves.because)
    assert "no fine-tuned model to compare" in fits.says
    assert recovers.says == "not known: fine-tuning diverged."
    assert finding(rows(linear=(None,) * 3), 2).says == "not known: linearised training diverged."


def test_how_far_linearised_training_gets() -> None:
    assert finding(rows(), 2).says == (
        "the linearised model scores 0.750, the fine-tuned one 0.800, the start 0.500: it recovers 0.83 of "
        f"the improvement, at least {RECOVERS}."
    )
    assert finding(rows(linear=(0.6, 0.6, 0.6)), 2).says.endswith(f"less than {RECOVERS}.")


def test_kernels_within_the_standard_error_are_a_tie() -> None:
    found = likeness(rows(), "prompt", "sgd")
    assert found.means == pytest.approx({"K(SGD)": 0.85, "K(A-SignGD)": 0.84, "K(SignGD)": 0.55})
    # The differences 0.01, -0.02, 0.04 have the standard deviation 0.03.
    assert found.behind["K(A-SignGD)"] == pytest.approx((0.01, 0.03 / 3**0.5))
    assert found.behind["K(SignGD)"] == pytest.approx((0.3, 0.0))
    assert found.ties == ["K(A-SignGD)"]
    said = finding(rows(), 1)
    assert said.says.startswith("a tie of K(SGD) and K(A-SignGD). Correlation to what fine-tuning did: ")
    assert said.numbers["ties"] == ["K(A-SignGD)"]


def test_a_kernel_that_never_adds_anything_is_left_out() -> None:
    found = likeness(rows(like=LIKE | {"K(SignGD)": (None,) * 3}), "prompt", "sgd")
    assert list(found.means) == ["K(SGD)", "K(A-SignGD)"]


def test_a_kernel_that_is_ahead_of_the_error_is_alone() -> None:
    like = {"K(SGD)": (0.5, 0.6, 0.7), "K(SignGD)": (0.45, 0.54, 0.66), "K(A-SignGD)": (0.8, 0.9, 0.95)}
    found = likeness(rows(like=like), "prompt", "sgd")
    assert list(found.means) == ["K(A-SignGD)", "K(SGD)", "K(SignGD)"]
    assert found.ties == []
    # The differences 0.3, 0.3, 0.25 have the standard deviation sqrt(3) / 60.
    assert found.behind["K(SGD)"] == pytest.approx((0.85 / 3, 1 / 60))
    assert found.says.startswith(
        "K(A-SignGD). Correlation to what fine-tuning did: K(A-SignGD) 0.883, K(SGD)"
    )
    assert "K(SGD) 0.600 (less by 0.283, standard error 0.017)" in found.says


def test_one_draw_gives_no_error_and_one_kernel_no_comparison() -> None:
    alone: dict[str, Any] = {
        "start": (0.5,),
        "tuned": (0.8,),
        "linear": (0.7,),
        "kernel": (0.8,),
        "change": (0.1,),
    }
    single = likeness(rows(**alone), "prompt", "sgd")
    assert single.ties == []
    assert {error for _, error in single.behind.values()} == {None}
    assert single.says.endswith("One draw does not say how sure that is.")
    lonely = likeness(rows(like={"K(SGD)": (0.9, 0.8, 0.7)}), "prompt", "sgd")
    assert lonely.says == "K(SGD) was computed alone, with a correlation of 0.800 to what fine-tuning did."


def test_a_draw_on_which_training_diverged_does_not_count() -> None:
    like = {"K(SGD)": (0.9, None, 0.7), "K(SignGD)": (0.5, None, 0.5)}
    assert likeness(rows(like=like), "prompt", "sgd").means == pytest.approx(
        {"K(SGD)": 0.8, "K(SignGD)": 0.5}
    )


def test_scores_are_medians_with_their_range_in_the_order_of_the_study() -> None:
    found = scores(rows()).set_index("what")
    assert list(found.index) == [
        "fine-tuned, sgd",
        "linearised, sgd",
        "kernel K(SGD)",
        "kernel K(SignGD)",
        "kernel K(A-SignGD)",
    ]
    assert list(found.loc["fine-tuned, sgd", ["median", "lowest", "highest"]]) == [0.8, 0.78, 0.82]
    expected = {"chance": 0.5, "majority": 0.55, "zero-shot": 0.5, "zero-shot, calibrated": 0.6}
    assert references(rows()) == pytest.approx(expected)


def test_plain_rows_have_none_for_what_is_missing() -> None:
    assert plain(pd.DataFrame({"a": [1.0, None], "b": ["x", None]})) == [
        {"a": 1.0, "b": "x"},
        {"a": None, "b": None},
    ]
