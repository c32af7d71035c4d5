"""The advisor held against a sweep, on rows whose answers are known."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lintune.advise import SCORES
from lintune.errors import InputError
from lintune.studies import advice
from lintune.studies.advice.correlations import agreement

_RATES = (5e-4, 2e-3, 8e-3)


def _sweep(task: str, losses: list[float], scores: list[float], seed: int = 0) -> pd.DataFrame:
    """Return a sweep in which candidate i has the i-th test loss and score."""
    rows = [{"candidate": "start", "seed": seed, "task": task, "test_score": 0.5}]
    for place, (loss, score) in enumerate(zip(losses, scores, strict=True)):
        trials = [
            {"rate": rate, "train_loss": loss + rate, "validation_loss": loss, "validation_score": score}
            for rate in (_RATES[1], _RATES[0], _RATES[2])
        ]
        rows.append(
            {
                "candidate": f"c{place}",
                "seed": seed,
                "task": task,
                "rate": _RATES[1],
                "trials": trials,
                "validation_loss": loss,
                "test_loss": loss,
                "test_score": score,
                "seconds": 10.0,
            }
        )
    return pd.DataFrame(rows)


def _advice(task: str, said: list[float], seed: int = 0, suggested: float = _RATES[1]) -> pd.DataFrame:
    """Return advice in which every score says the same of candidate i: less of `said` is better."""
    rows = []
    for place, value in enumerate(said):
        signed = {score.name: score.sign * value for score in SCORES}
        predicted = [{"rate": rate, "train_loss": value, "validation_loss": value} for rate in _RATES]
        what = {"what": "score", "candidate": f"c{place}", "rate": suggested, "tie": place == 0}
        plain = {"task": task, "seed": seed, "seconds": 5.0}
        rows.append({**what, **plain, **signed, "predicted": predicted})
    rows.append({"what": "advice", "task": task, "seed": seed, "seconds": 1.5})
    for role, seconds in (("first", 0.5), ("default", 9.0)):
        rows.append({"what": "trained", "role": role, "task": task, "seed": seed, "probe_seconds": seconds})
    return pd.DataFrame(rows)


def _two(said: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return sweeps and advice on a choice task and a held-out one, the second the other way round."""
    losses, scores = [0.1, 0.2, 0.3, 0.4], [0.9, 0.8, 0.7, 0.6]
    sweep = pd.concat([_sweep("mr", losses, scores), _sweep("trec", losses[::-1], scores[::-1])])
    return sweep, pd.concat([_advice("mr", said), _advice("trec", said)])


def test_both_are_put_side_by_side() -> None:
    rows = advice.joined(*_two([1.0, 2.0, 3.0, 4.0]))
    assert len(rows) == 8
    assert dict(zip(rows.task, rows.held, strict=True)) == {"mr": False, "trec": True}
    mr = rows[rows.task == "mr"].set_index("candidate")
    assert mr["training loss"].tolist() == pytest.approx([0.102, 0.202, 0.302, 0.402])
    assert mr[advice.AT_RATE].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert mr[advice.COMBINATION].is_monotonic_increasing


def test_a_candidate_in_one_alone_is_refused() -> None:
    sweep, said = _two([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(InputError, match="c3"):
        advice.joined(sweep[sweep.candidate != "c3"], said)


def test_a_run_that_diverged_is_the_worst() -> None:
    swept, said = _two([1.0, 2.0, 3.0, 4.0])
    sweep: Any = swept.reset_index(drop=True)
    where = sweep.index[(sweep.candidate == "c0") & (sweep.task == "mr")][0]
    sweep.loc[where, ["test_loss", "test_score", "validation_loss"]] = None
    sweep.at[where, "trials"] = [trial | {"train_loss": None} for trial in sweep.at[where, "trials"]]
    row: Any = advice.joined(sweep, said).set_index(["task", "candidate"]).loc[("mr", "c0")]
    assert row["test loss"] == row["training loss"] == row["validation loss"] == math.inf
    assert row["test score"] == 0.5  # as if it had not been trained


def test_agreement_is_one_for_the_same_order_whatever_the_sign_of_the_score() -> None:
    rows = advice.joined(*_two([1.0, 2.0, 3.0, 4.0]))
    for name in (advice.COMBINATION, "alignment", "condition number", advice.AT_RATE):
        for outcome in advice.OUTCOMES:
            assert agreement(rows[rows.task == "mr"], name, outcome) == pytest.approx(1.0)
            assert agreement(rows[rows.task == "trec"], name, outcome) == pytest.approx(-1.0)
    table = advice.correlations(rows).set_index(["score", "outcome"])
    assert table.loc[("alignment", "test loss"), "mean"] == pytest.approx(0.0)
    assert table.loc[("alignment", "test loss"), "each"] == pytest.approx([1.0, -1.0])


def test_a_score_that_says_nothing_agrees_with_nothing() -> None:
    rows = advice.joined(*_two([1.0, 2.0, 3.0, 4.0])).assign(alignment=0.5)
    assert agreement(rows, "alignment", "test loss") == 0.0


def test_the_best_combination_is_the_score_that_is_right() -> None:
    rows = advice.joined(*_two([1.0, 2.0, 3.0, 4.0]))
    rows = rows[rows.task == "mr"].assign(**{"alignment": [1.0, 4.0, 2.0, 3.0]})
    found = advice.combinations(rows, ["alignment", "leave-one-out loss"], most=2)
    assert found.scores.tolist()[0] == ("leave-one-out loss",)
    assert found["mean"].tolist() == sorted(found["mean"], reverse=True)
    assert len(found) == 3


def test_regret_is_what_is_lost_against_the_sweep() -> None:
    rows = advice.joined(*_two([1.0, 2.0, 3.0, 4.0]))
    table = advice.regrets(rows, default="c1").set_index("rule")
    # Advice picks c0 everywhere: the best of mr, the worst of trec.
    assert table.loc[advice.COMBINATION, "each"] == pytest.approx({"mr": 0.0, "trec": 0.3})
    assert table.loc[advice.SWEEP, "regret"] == 0.0
    assert table.loc[advice.HINDSIGHT, "score"] == pytest.approx(0.9)
    assert table.loc[advice.DEFAULT, "each"] == pytest.approx({"mr": 0.1, "trec": 0.2})
    assert table.loc[advice.RANDOM, "regret"] == pytest.approx(0.15)


def test_gains_are_paired_by_task() -> None:
    rows = advice.joined(*_two([1.0, 2.0, 3.0, 4.0]))
    table = advice.gains(rows, default="c1").set_index("over")
    assert table.loc[advice.DEFAULT, "each"] == pytest.approx({"mr": 0.1, "trec": -0.1})
    assert {score.name for score in SCORES if score.cheap} < set(table.index)


def test_draws_of_a_task_count_as_one_task() -> None:
    losses, scores = [0.1, 0.2], [0.9, 0.7]
    sweep = pd.concat([_sweep("mr", losses, scores, seed) for seed in (0, 1)])
    said = pd.concat([_advice("mr", [1.0, 2.0], 0), _advice("mr", [2.0, 1.0], 1)])
    rows = advice.joined(sweep, said)
    row: Any = advice.correlations(rows).set_index(["score", "outcome"]).loc[("trace", "test loss")]
    assert (row.tasks, row.groups, row["mean"]) == (1, 2, pytest.approx(0.0))
    assert math.isnan(row.low)
    assert advice.regrets(rows, "c0").set_index("rule").loc["trace", "each"] == pytest.approx({"mr": 0.1})


def test_rates_are_compared_as_factors() -> None:
    sweep, _ = _two([1.0, 2.0, 3.0, 4.0])
    said = pd.concat([_advice(task, [1.0, 2.0, 3.0, 4.0], suggested=6e-3) for task in ("mr", "trec")])
    found = advice.rates(advice.joined(sweep, said)).set_index("task")
    assert found.loc["mr", "factor"] == pytest.approx(3.0)
    assert found.loc["mr", "within"] == 1.0
    assert found.loc["mr", "spread"] == pytest.approx(1.0)


def test_curves_hold_every_trial_against_its_prediction() -> None:
    sweep, said = _two([1.0, 2.0, 3.0, 4.0])
    found = advice.curves(sweep, said)
    assert len(found) == 2 * 4 * 3
    row: Any = found[(found.task == "mr") & (found.candidate == "c2") & np.isclose(found.rate, 8e-3)].iloc[0]
    assert (row.train_loss, row.predicted_train_loss) == (pytest.approx(0.308), 3.0)


def test_costs_are_sums_of_the_runs() -> None:
    found = advice.costs(*_two([1.0, 2.0, 3.0, 4.0])).set_index("task")
    names = ["sweep", "clocked", "advice", "probe", "ratio"]
    assert [found[name]["mr"] for name in names] == [
        40.0,
        60.0,
        1.5,
        0.5,
        30.0,
    ]  # 4 candidates, 3 trials, 5 s
