"""Cautions come where the numbers give reason for them, and only there."""

from typing import Any

import pandas as pd
import pytest

from lintune.cli.diagnosis.cautions import FEW, cautions
from lintune.studies.behaviour import verdicts
from tests.cli import rows as made


def warned(found: pd.DataFrame | None = None, request: Any = None, setting: Any = None) -> list[str]:
    found = made.rows() if found is None else found
    return cautions(found, verdicts(found), request or made.request(), setting or made.setting())


def test_nothing_to_say() -> None:
    assert warned() == []


def test_one_draw_only() -> None:
    alone = made.rows(start=(0.5,))
    (said,) = warned(alone, made.request(seeds=(0,)))
    assert "one draw only" in said


def test_draws_that_cannot_but_share_examples() -> None:
    assert warned(setting=made.setting(at_hand=(16, 100))) == []  # twice 4 + 4
    (said,) = warned(setting=made.setting(at_hand=(15, 100)))
    assert said.startswith("class 'bad' has 15 training examples, and each draw takes 8: the draws share")


def test_a_class_with_few_test_examples() -> None:
    assert warned(setting=made.setting(tested=(200, FEW))) == []
    (said,) = warned(setting=made.setting(tested=(200, FEW - 1)))
    assert said.startswith(f"class 'good' has {FEW - 1} test examples, fewer than {FEW}")


@pytest.mark.parametrize("tuned", [0.6, 0.59])
def test_fine_tuning_that_improves_nothing(tuned: float) -> None:
    (said,) = warned(made.rows(start=(0.6,) * 3, tuned=(tuned,) * 3))
    assert said == f"prompt, sgd: fine-tuning improves nothing over the start, {tuned:.3f} from 0.600."


def test_an_improvement_below_the_standard_error() -> None:
    # sqrt(0.6 * 0.4 / 200) = 0.0346
    found = made.rows(start=(0.57,) * 3, tuned=(0.6,) * 3)
    (said,) = warned(found)
    assert "improves the score by 0.030, less than the standard error 0.035 of an accuracy on 200" in said
    assert warned(found, setting=made.setting(metric="f1")) == []  # F1 is no mean over examples
    assert warned(made.rows(start=(0.56,) * 3, tuned=(0.6,) * 3)) == []


def test_no_better_than_the_most_frequent_class() -> None:
    (said,) = warned(made.rows(start=(0.3,) * 3, tuned=(0.55,) * 3))
    assert "no more than always answering the most frequent class, 0.550" in said


@pytest.mark.parametrize(("rate", "end"), [(1.0, "1, the smallest"), (16.0, "16, the largest")])
def test_a_rate_at_the_end_of_those_tried(rate: float, end: str) -> None:
    (said,) = warned(made.rows(rate=rate))
    assert f"prompt, sgd, fine-tuned ({end}); prompt, sgd, linearised ({end})." in said


def test_training_that_diverged() -> None:
    (said,) = warned(made.rows(linear=(0.7, None, None)))
    assert said == "prompt, sgd, linearised: training diverged on the draw with seed 1, 2."
    assert any(
        "prompt, sgd, fine-tuned: training diverged" in line for line in warned(made.rows(tuned=(None,) * 3))
    )
