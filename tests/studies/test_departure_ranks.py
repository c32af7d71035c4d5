"""What announces a departure: rank statistics by dial, thresholds, and intervals over draws."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lintune.errors import InputError
from lintune.studies import departure as study
from lintune.studies.departure.ranks import pairs_won, resamples, shares, spearman

Rule = Callable[[float, float, int], float]


def checkpoints(gap: Rule, draws: int = 3, steps: tuple[int, ...] = (1, 2, 4, 8, 16)) -> pd.DataFrame:
    """Return rows as a study makes them, with gaps by alpha, rate and step and all measures equal to them."""
    rows = []
    for seed, alpha, rate in product(range(draws), (16.0, 64.0, 256.0), (0.1, 0.4)):
        for step in steps:
            value = gap(alpha, rate, step) * (1 + 0.01 * seed)
            measures = ("kernel_drift", "train_share", "test_share", "bend", "drift", "train_moved")
            rows.append(
                {"task": "t", "seed": seed, "alpha": alpha, "rate": rate, "step": step}
                | {"test_gap": value, "loss": 1.0, "start_loss": 2.0, "learning_rate": rate / alpha**2}
                | dict.fromkeys(measures, value)
                | {"twin_bend": rate * step * (1 + 1e-6 * alpha)}
                | {"twin_kernel_drift": 1 / alpha if step >= 8 else np.nan, "twin_drift": 1 / alpha}
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return study.horizons(checkpoints(lambda alpha, rate, step: rate * step / alpha))


def test_every_end_has_its_early_values_and_its_worst_gap() -> None:
    # It leaves at the fourth step and is back at the eighth.
    found = study.horizons(checkpoints(lambda _a, _r, step: {4: 0.5, 8: 0.05}.get(step, step / 100)))
    assert found.groupby("steps").size().to_dict() == {8: 18, 16: 18}
    here = found[(found.draw == "t 0") & (found.steps == 8)]
    assert set(here.gap) == {0.05}
    assert set(here.worst) == {0.5}
    assert set(here["kernel drift"]) == {0.01}  # after the first step
    assert set(here["loss drop"]) == {0.5}
    assert not study.beyond(here).any()
    assert study.beyond(here, outcome="worst").all()


def test_the_gap_so_far_is_the_largest_up_to_the_early_checkpoint() -> None:
    # It leaves in the first step and is back at the second, the early checkpoint of the end at 16.
    rows = checkpoints(lambda _a, _r, step: 0.5 if step == 1 else 0.05)
    found = study.horizons(rows[rows.seed == 0])
    assert set(found["gap so far (needs the twin)"]) == {0.5}
    assert set(found["kernel drift"][found.steps == 16]) == {0.05}
    rows.loc[rows.step == 1, "test_gap"] = np.nan
    assert np.isinf(study.horizons(rows)["gap so far (needs the twin)"]).all()


def test_what_is_lost_is_infinite() -> None:
    rows = checkpoints(lambda *_: 0.01)
    rows.loc[rows.step > 2, ["test_gap", "kernel_drift"]] = np.nan
    found = study.horizons(rows)
    assert np.isinf(found[["gap", "worst", "end: kernel drift"]]).all(axis=None)
    assert np.isfinite(found["kernel drift"]).all()
    assert study.beyond(found).all()


def test_an_auc_counts_pairs_that_differ_in_the_dial_alone(table: pd.DataFrame) -> None:
    found = study.foretold(table).set_index(["dial", "predictor"])
    left = study.beyond(table)
    held = table[["draw", "rate", "steps"]]
    pairs = [
        (up, down)
        for up, down in product(np.flatnonzero(left), np.flatnonzero(~left))
        if held.iloc[up].equals(held.iloc[down])
    ]
    assert found["pairs"]["alpha", "1 / alpha"] == len(pairs) > 0
    values = table["rate x steps"].to_numpy()
    won = np.mean([(values[up] > values[down]) + 0.5 * (values[up] == values[down]) for up, down in pairs])
    assert found.auc["alpha", "rate x steps"] == pytest.approx(won) == pytest.approx(0.5)
    assert found.auc["alpha", "kernel drift at the twin's end"] == 1
    assert found.auc["rate", "1 / alpha"] == 0.5
    assert found.auc["steps", "steps"] == 1
    everything = [
        table["drift"].iloc[up] > table["drift"].iloc[down]
        for up, down in product(np.flatnonzero(left), np.flatnonzero(~left))
    ]
    assert found.auc["pooled", "drift"] == pytest.approx(np.mean(everything))


def test_values_that_differ_by_rounding_are_ties(table: pd.DataFrame) -> None:
    found = study.foretold(table, ["curvature along the twin's update"]).set_index("dial")
    assert (found["auc"]["alpha"], found["spearman"]["alpha"]) == (0.5, 0.0)
    assert found.spearman["rate"] == pytest.approx(1)


def test_rank_correlations_are_spearmans_within_strata() -> None:
    rng = np.random.default_rng(0)
    values, outcome, strata = rng.integers(0, 4, 40) * 1.0, rng.normal(size=40), np.repeat([0, 1, 2, 3], 10)
    values[strata == 3] = 7.0  # never changes
    values[0] = np.inf
    known = [stats.spearmanr(values[strata == one], outcome[strata == one]).statistic for one in range(3)]
    np.testing.assert_allclose(spearman(values, outcome, strata), [*known, 0.0], atol=1e-12)


def test_gains_are_over_the_best_plain_number_in_its_own_direction(table: pd.DataFrame) -> None:
    reversed_alpha = table.assign(**{"1 / alpha": table.alpha})  # orders the runs, the other way round
    found = study.foretold(reversed_alpha, ["drift", "1 / alpha"]).set_index(["dial", "predictor"])
    assert found["best trivial"]["alpha", "drift"] == "1 / alpha"
    assert found.auc["alpha", "1 / alpha"] == 0
    assert found.gain["alpha", "drift"] == 0


def test_intervals_come_from_draws_and_need_three(table: pd.DataFrame) -> None:
    weights = resamples(5, seed=0)
    assert weights[0].tolist() == [1] * 5
    assert (weights.sum(axis=1) == 5).all()
    assert len(resamples(2, seed=0)) == 1
    two = study.foretold(table[table.draw != "t 2"])
    assert two["auc low"].isna().all()
    assert {study.verdict(two, "drift", dial) for dial in ("alpha", "pooled")} == {"too few draws"}
    # Two draws of three in which the number is right, and one in which it is wrong.
    values, draws = np.array([2.0, 1, 2, 1, 1, 2]), np.repeat([0, 1, 2], 2)
    wins, pairs = pairs_won(values, np.array([True, False] * 3), draws, draws)
    np.testing.assert_allclose(wins, np.diag([1, 1, 0]))
    np.testing.assert_allclose(
        shares(wins, pairs, np.array([[1, 1, 1], [0, 0, 3], [2, 1, 0]])), [2 / 3, 0, 1]
    )


def test_the_lead_is_over_the_same_draws(table: pd.DataFrame) -> None:
    found = study.foretold(table, ["drift", "steps"], ["pooled"]).set_index("predictor")
    ahead = study.lead(table, "drift", "steps")
    assert ahead["lead"] == pytest.approx(found.auc["drift"] - found.auc["steps"])
    assert 0 < ahead["lead low"] <= ahead["lead"] <= ahead["lead high"]
    # Both vary with the draws, and by the same: the difference does not.
    noisy = table.assign(steps=np.where(table.draw == "t 1", -table.steps, table.steps))
    single = study.foretold(noisy, ["steps"], ["pooled"]).iloc[0]
    assert single["auc low"] < single["auc high"]
    twice = study.lead(noisy.assign(copy=noisy.steps), "steps", "copy")
    assert set(twice.values()) == {0.0}
    assert study.lead(noisy, "drift", "steps", outcome="worst") == study.lead(noisy, "drift", "steps")
    assert np.isnan(study.lead(table.assign(gap=0.0), "drift", "steps")["lead"])
    with pytest.raises(InputError, match="other='luck'"):
        study.lead(table, "drift", "luck")


def test_verdicts_follow_from_the_interval(table: pd.DataFrame) -> None:
    found = study.foretold(table.assign(**{"loss drop": -table.gap}))
    assert study.verdict(found, "drift", "pooled") == "announces it"
    assert study.verdict(found, "loss drop", "pooled") == "the other way round"
    assert study.verdict(found, "curvature along the twin's update", "alpha") == "no better than chance"
    with pytest.raises(InputError, match="predictor"):
        study.verdict(found, "luck", "pooled")
    alike = study.foretold(table.assign(gap=0.0))
    assert study.verdict(alike, "drift", "pooled") == "no pairs"
    assert alike.auc.isna().all()


def test_accuracy_is_that_of_thresholds_from_other_draws(table: pd.DataFrame) -> None:
    columns = {"itself": "gap", "nothing": "constant"}
    table = table.assign(constant=1.0)
    found = study.accuracies(table, columns=columns).set_index("measure")
    left = study.beyond(table)
    assert found.auc.tolist() == [1, 0.5]
    assert found.fixed["itself"] == 1
    assert found.fixed["nothing"] == left.mean()
    assert (
        found.chance["nothing"] == max(left.mean(), 1 - left.mean()) == pytest.approx(found.fitted["nothing"])
    )
    assert found.fitted["itself"] > 0.8
    alone = study.accuracies(table[table.draw == "t 0"], columns=columns)
    assert alone.fitted.isna().all()
    assert alone["auc low"].isna().all()


def test_the_best_threshold_lies_between_the_sides() -> None:
    values, left = np.array([1.0, 2, 4, np.inf]), np.array([False, False, True, True])
    assert study.best_threshold(values, left) == 3
    assert study.best_threshold(values, ~left) in (0.5, 8.0)
    assert study.best_threshold(np.array([np.inf]), left[:1]) == study.THRESHOLD
