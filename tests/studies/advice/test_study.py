"""The advisor on the draws of a sweep, on a tiny model."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lintune import models
from lintune.advise import Candidate
from lintune.studies import advice
from lintune.studies.behaviour import draw
from lintune.studies.sweep import Effort, default, sweep
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

EFFORT = Effort(steps=3, batch=4, rate=0.01, factor=4.0, trials=4)
SIZES = {"examples": 8, "test_examples": 12, "effort": EFFORT, "longest": 32}


def model() -> models.Pretrained:
    return pretrained("llama")


def few(tiny: models.Pretrained) -> list[Candidate]:
    return [
        Candidate((1, 2), rank=2, alpha=4.0),
        Candidate((1, 2), rank=2, alpha=4.0, pull=1.0),
        default(tiny.model),
    ]


@pytest.fixture(scope="module")
def both() -> tuple[pd.DataFrame, pd.DataFrame]:
    tiny = model()
    found = [study(tiny, task(), few(tiny), [0, 1], **SIZES) for study in (sweep, advice.advices)]  # type: ignore[arg-type]
    return found[0].assign(task="tiny"), found[1].assign(task="tiny")


def test_advice_and_sweep_fit_together(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows = advice.joined(*both)
    assert len(rows) == 6
    assert rows[["training loss", "test loss", advice.AT_RATE]].notna().all(axis=None)
    assert (advice.costs(*both).ratio > 0).all()
    assert len(advice.curves(*both)) >= 3 * 6


def test_the_linear_run_starts_at_the_loss_of_the_sweep_and_stays_near_at_a_small_rate() -> None:
    tiny = model()
    slow = replace(EFFORT, rate=1e-4)
    settings: Any = SIZES | {"effort": slow}
    swept, said = (
        study(tiny, task(), [Candidate((1, 2), kind="rows", rank=2, alpha=0.0)], [0], **settings).assign(
            task="tiny"
        )
        for study in (sweep, advice.advices)
    )
    apart = advice.curves(swept, said)
    np.testing.assert_allclose(apart.train_loss, apart.predicted_train_loss, rtol=2e-2)
    np.testing.assert_allclose(apart.validation_loss, apart.predicted_validation_loss, rtol=2e-2)


def test_first_and_default_are_trained_as_advised(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    said = both[1]
    trained, scores = said[said.what == "trained"], said[said.what == "score"]
    assert trained.groupby("seed").role.apply(list).tolist() == [["first", "default"]] * 2
    for row in trained.to_dict("records"):
        mine = scores[(scores.seed == row["seed"]) & (scores.candidate == row["candidate"])].iloc[0]
        assert row["rate"] == mine.rate
        assert 0 <= row["test_score"] <= 1
        assert row["verdict"] in ("describes", "guides", "fails")


def test_the_advisor_sees_no_test_example() -> None:
    tiny, plain = model(), task()
    changed = replace(plain, test=replace(plain.test, labels=1 - plain.test.labels))
    one, other = (
        advice.advices(tiny, each, few(tiny), [0], **SIZES)  # type: ignore[arg-type]
        for each in (plain, changed)
    )
    columns = ["candidate", "rate", "order", "predicted held-out loss"]
    first, second = (each[each.what == "score"][columns] for each in (one, other))
    pd.testing.assert_frame_equal(first, second)


def test_training_examples_come_first() -> None:
    each = draw(task(), 4, 0, 10)
    found = advice.together(each)
    assert found.take(range(len(each.train))).fields == each.train.fields
    assert len(found) == 16
