"""Runs with pulls of many strengths, and what is made of them."""

import numpy as np
import pandas as pd
import pytest

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
    assert (best.accuracy, best["linear accuracy"]) == (pytest.approx(0.85), pytest.approx(0.55))
    assert (best.low, best.cost, best.high) == tuple(pytest.approx(0.3, abs=1e-9) for _ in range(3))


def test_the_strength_to_compare_with_is_chosen_on_other_draws() -> None:
    """Accuracies that are noise: choosing on the draw itself would make a cost of it."""
    accuracies = {0: (0.9, 0.5, 0.5), 1: (0.5, 0.9, 0.5)}
    runs = pd.DataFrame(
        [
            {"task": "t", "method": "m", "seed": seed, "relative": relative, "diverged": False}
            | {"test_accuracy": accuracy, "test_gap": 1 / relative}
            for seed, found in accuracies.items()
            for relative, accuracy in zip((0.1, 1.0, 10.0), found, strict=True)
        ]
    )
    best = study.best_strengths(runs).iloc[0]
    assert best.cost == pytest.approx(0.0)
    assert best.low <= 0 <= best.high


def test_one_draw_has_no_cost() -> None:
    one = {"task": "t", "method": "m", "seed": 0, "relative": 1.0, "diverged": False}
    best = study.best_strengths(pd.DataFrame([one | {"test_accuracy": 0.5, "test_gap": 1.0}])).iloc[0]
    assert best.cost is None


def test_rounding_leaves_runs_out_of_some_bounds_only(rows: pd.DataFrame) -> None:
    noisy = rows.assign(rounding=np.where(rows.relative > 100, 1e9, 0.0))
    found = study.violations(noisy)
    assert found.checked["output bound"] < found.checked["gap bound"]
    assert found.broken.sum() == 0
