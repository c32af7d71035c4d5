"""Runs with pulls of many strengths, and what is made of them."""

import numpy as np
import pandas as pd
import pytest

from lintune.errors import InputError
from lintune.methods import LoRA, Method, Weights
from lintune.studies import strengths as study
from lintune.tasks import FewShot
from tests.finetune.test_run import LAST, TEST, TRAIN, function


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    methods: dict[str, Method] = {"weights": Weights(LAST), "LoRA": LoRA(2, targets=LAST)}
    return study.strengths(function(), FewShot(TRAIN, TEST), methods, [0.1, 30.0, 300.0], steps=25)


def test_every_method_runs_with_every_strength(rows: pd.DataFrame) -> None:
    assert rows.groupby("method").relative.apply(list).to_dict() == dict.fromkeys(
        ("LoRA", "weights"), [0.1, 30.0, 300.0]
    )
    assert (rows.strength / rows.relative).groupby(rows.method).std().max() < 1e-9
    assert (rows.step == 25).all()


def test_no_bound_is_broken_and_slopes_are_those_of_a_strong_pull(rows: pd.DataFrame) -> None:
    found = study.violations(rows)
    assert found.broken.sum() == 0
    assert (found.checked >= 4).all()
    assert (found.tightest >= 1).all()
    for slopes in study.exponents(rows, above=30.0).values():
        assert slopes["drift"] == pytest.approx(-1, abs=0.05)
        assert slopes["gap"] == pytest.approx(-2, abs=0.1)


def test_a_broken_bound_is_counted(rows: pd.DataFrame) -> None:
    spoilt = rows.assign(**{"gap bound": rows.gap / 2})
    assert study.violations(spoilt).loc["gap bound", "broken"] == (rows.settled & (rows.gap > 0)).sum()


def test_runs_without_the_premise_are_not_counted(rows: pd.DataFrame) -> None:
    assert study.violations(rows.assign(settled=False)).checked.sum() == 0


def test_a_diverging_run_leaves_its_row_empty() -> None:
    split, methods = FewShot(TRAIN, TEST), {"weights": Weights(LAST)}
    found = study.strengths(function(), split, methods, [1.0], steps=40, step=1e6, curvature=False)
    assert found.diverged.tolist() == [True]


def test_best_and_most_linear_strength_are_told_apart() -> None:
    runs = pd.DataFrame(
        [
            {"task": "t", "method": "m", "seed": seed, "relative": relative, "diverged": False}
            | {"test_accuracy": accuracy + 0.1 * seed, "test_gap": gap}
            for seed in (0, 1)
            for relative, accuracy, gap in ((0.1, 0.8, 1.0), (10.0, 0.5, 0.01))
        ]
    )
    best = study.best_strengths(runs).iloc[0]
    assert (best.best, best["most linear"]) == (0.1, 10.0)
    assert best.cost == pytest.approx(0.3)
    assert best.error == pytest.approx(0.0, abs=1e-12)
    assert np.isclose(best.accuracy, 0.85)


def test_more_blocks_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="depth=3 must be from 1 to 2"):
        study.top_layers(function(), 3)
