"""Regression, training and verdicts: rows for everything, paired by draw, rates by validation."""

import numpy as np
import pandas as pd
import pytest

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.methods import Biases, Columns, LoRA, Rows, count_parameters
from lintune.studies import rocoft as study
from lintune.studies.budgets import roberta_base
from tests.studies.rocoft.shared import TASK, problem, prompted

RECIPE = Recipe(0.1, 3, loss="cross-entropy", optimiser="adam", batch=4)


def test_every_kernel_has_a_row_in_every_draw() -> None:
    chosen = study.choices(["rows", "columns", "entries", "lora"], [2], ["first", "random"], [0, 1])
    rows = study.kernel_accuracies(problem(), chosen)
    assert rows.score.between(0, 1).all()
    assert len(rows) == 2 * (len(chosen) + 1 + 3)
    assert (rows[rows.kind == "full"].same == 1).all()
    assert rows[rows.kind == "majority"].same.isna().all()


def test_all_rows_are_the_whole_weight() -> None:
    only = min(problem().layers.values(), key=lambda layer: layer.shape[0]).shape[0]
    squares = {name: each for name, each in problem().layers.items() if each.shape[0] == only}
    choice = study.Choice("rows", only, "first")
    found = study.captured(prompted(), problem().pool, None, squares, [choice])
    np.testing.assert_allclose(found.train[choice.name].total(), found.train["full"].total(), rtol=1e-8)


def test_the_rate_is_the_best_on_validation_and_kept() -> None:
    chosen = [study.Choice("full", 0, "all"), study.Choice("rows", 2, "gradient"), study.Choice("entries", 2)]
    rates = [1e-6, 1e-2]
    rows = study.trained(problem(), chosen, rates, RECIPE)
    assert len(rows) == 2 * len(chosen)
    assert rows.groupby("kind").rate.nunique().eq(1).all()
    assert rows.edge.all()
    (first, _) = rows[rows.kind == "rows"].to_dict("records")
    alone = [study.trained(problem(), [chosen[1]], [rate], RECIPE).validation_loss[0] for rate in rates]
    assert first["validation_loss"] == pytest.approx(min(alone))
    assert rows.score.between(0, 1).all()
    entries = rows[rows.kind == "entries"].parameters.iloc[0]
    assert entries <= study.parameters(chosen[2], problem().layers) < entries + len(problem().layers)
    with pytest.raises(InputError, match="rates"):
        study.trained(problem(), chosen, [], RECIPE)


def scores(gain: float, noise: float = 0.01) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"task": task, "draw": draw, "kind": "rows", "count": 3, "rule": rule, "seed": seed}
            | {"score": 0.6 + 0.05 * draw + (gain if rule == "random" else 0) + noise * rng.normal()}
            for task in ("a", "b")
            for draw in range(4)
            for rule, seeds in (("first", [0]), ("random", [0, 1]))
            for seed in seeds
        ]
    )


@pytest.mark.parametrize(("gain", "verdict"), [(0.1, "better"), (-0.1, "worse"), (0.0, "no difference seen")])
def test_differences_are_paired_by_draw(gain: float, verdict: str) -> None:
    (row,) = study.paired(scores(gain), ("rows", "first")).to_dict("records")
    assert row["verdict"] == verdict
    assert row["low"] < row["difference"] < row["high"]
    assert row["difference"] == pytest.approx(gain, abs=0.03)


def test_draws_that_agree_exactly_prove_nothing_and_one_draw_less() -> None:
    (row,) = study.paired(scores(0.1, 0.0), ("rows", "first")).to_dict("records")
    assert row["verdict"] == "no difference seen"
    one = scores(0.1)
    one = one[(one.draw == 0) & (one.task == "a")]
    assert study.paired(one, ("rows", "first")).verdict.tolist() == ["one draw only"]
    with pytest.raises(InputError, match="against"):
        study.paired(one, ("columns", "first"))


def test_ranks_of_distance_and_agreement() -> None:
    rows = pd.DataFrame(
        {"kind": "rows", "count": 3, "rule": list("abcd"), "one": [1, 2, 3, 4], "other": [4, 3, 2, 1]}
    )
    assert study.rank_agreement(rows, "one", "other") == pytest.approx(-1)
    assert np.isnan(study.rank_agreement(rows[:2], "one", "other"))


def test_draws_are_needed() -> None:
    with pytest.raises(InputError, match="seeds"):
        study.Problem.of(prompted(), TASK, 1, shots=3, validation_shots=2, seeds=[], test_examples=9)


def test_roberta_base_has_the_published_shapes() -> None:
    model = roberta_base()
    assert model.device.type == "meta"
    assert count_parameters(Rows(3), model) == count_parameters(Columns(3), model) == 248_832
    layers = Rows().sites(model)
    assert len(layers) == 72
    assert sum(site.parameters["bias"].numel() for site in layers.values()) == 82_944
    assert count_parameters(LoRA(8, targets=["*.query", "*.value"]), model) == 294_912
    assert count_parameters(Biases(), model) > 82_944
