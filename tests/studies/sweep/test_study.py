"""The sweep: real runs, the rate chosen on validation examples alone, and a row of the start."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lintune.advise import Candidate, look
from lintune.descent import Recipe
from lintune.finetune import Setup, finetune
from lintune.metrics import score
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import draw
from lintune.studies.sweep import Effort, sweep
from lintune.tasks import Examples, FewShot, Task
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

EFFORT = Effort(steps=3, batch=4, rate=0.01, factor=4.0, trials=4)
SEEDS = [0, 1]
CANDIDATES = [
    Candidate((1, 2), rank=2, alpha=4.0),
    Candidate((1, 2), rank=2, alpha=4.0, pull=1.0),
    Candidate((0, 2), kind="ia3", rank=0, alpha=0.0),
]
TASK = task(2)
MODEL = pretrained("llama", torch.float32)


def swept(of: Task = TASK, effort: Effort = EFFORT, name: str = "llama", **more: Any) -> pd.DataFrame:
    given: dict[str, Any] = {"candidates": CANDIDATES, "seeds": SEEDS} | more
    model = pretrained(name, torch.float32)
    return sweep(model, of, **given, examples=8, test_examples=9, effort=effort, longest=32)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return swept()


def test_there_is_a_row_for_each_candidate_and_draw_and_one_of_the_start(rows: pd.DataFrame) -> None:
    names = [each.name for each in CANDIDATES]
    assert sorted(zip(rows.candidate, rows.seed, strict=True)) == sorted(
        (name, seed) for name in [*names, "start"] for seed in SEEDS
    )
    assert {
        *("candidate", "seed", "parameters", "strength", "rate", "at_edge", "trials", "seconds"),
        *("train_loss", "validation_loss", "validation_score", "test_loss", "test_score"),
    } == {*rows}
    trained = rows[rows.candidate != "start"]
    assert trained[["test_loss", "test_score", "train_loss", "rate"]].notna().all(axis=None)
    assert (trained.seconds > 0).all()


def test_the_chosen_run_is_that_of_least_validation_loss(rows: pd.DataFrame) -> None:
    for row in rows[rows.candidate != "start"].to_dict("records"):
        trials = pd.DataFrame(row["trials"])
        assert 3 <= len(trials) <= EFFORT.trials
        best = trials.iloc[int(trials.validation_loss.to_numpy().argmin())]
        assert row["rate"] == best.rate
        assert row["validation_loss"] == best.validation_loss
        assert row["train_loss"] == best.train_loss
        assert row["at_edge"] == (best.rate in (trials.rate.min(), trials.rate.max()))
        assert trials.validation_score.between(0, 1).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)
def test_its_scores_are_those_of_fine_tuning_at_that_rate(
    rows: pd.DataFrame, candidate: Candidate, seed: int
) -> None:
    prompted = PromptedModel(MODEL, TASK.prompt_for("causal"), 32)
    found = draw(TASK, 4, seed, 9)
    row = rows[(rows.candidate == candidate.name) & (rows.seed == seed)].iloc[0]
    recipe = Recipe(row.rate, 3, "cross-entropy", "adam", strength=row.strength, batch=4, seed=seed)
    method = candidate.method(MODEL.model, seed)
    for others, loss, told in (
        (found.test, row.test_loss, row.test_score),
        (found.validation, row.validation_loss, None),
    ):
        end = finetune(
            Setup.of(prompted, method, FewShot(found.train, others)), recipe, twin=False
        ).rows.iloc[-1]
        assert loss == pytest.approx(end.test_loss, rel=1e-4)
        assert told is None or told == pytest.approx(end.test_accuracy)


def test_the_pull_is_in_units_of_the_mean_eigenvalue(rows: pd.DataFrame) -> None:
    prompted = PromptedModel(MODEL, TASK.prompt_for("causal"), 32)
    for seed in SEEDS:
        kernel = look(prompted, draw(TASK, 4, seed, 9).train, CANDIDATES, seed=seed).at(CANDIDATES[1]).kernel
        mine = rows[rows.seed == seed].set_index("candidate").strength
        assert mine[CANDIDATES[1].name] == pytest.approx(np.einsum("icic->", kernel) / 8, rel=1e-4)
        assert mine[CANDIDATES[0].name] == mine[CANDIDATES[2].name] == 0


def test_the_start_is_the_model_as_it_is(rows: pd.DataFrame) -> None:
    prompted = PromptedModel(MODEL, TASK.prompt_for("causal"), 32)
    for seed in SEEDS:
        found = draw(TASK, 4, seed, 9)
        start = rows[(rows.candidate == "start") & (rows.seed == seed)].iloc[0]
        logits = prompted.predict(found.test)
        expected = torch.nn.functional.cross_entropy(logits, torch.tensor(found.test.labels)).item()
        assert start.test_loss == pytest.approx(expected, rel=1e-5)
        for examples, told in ((found.test, start.test_score), (found.validation, start.validation_score)):
            answers = prompted.predict(examples).argmax(1).numpy()
            assert told == score("accuracy", examples.labels, answers)


def test_test_labels_choose_nothing(rows: pd.DataFrame) -> None:
    turned = Examples(TASK.test.fields, 1 - TASK.test.labels)
    again = swept(replace(TASK, test=turned))
    same = ["candidate", "seed", "parameters", "strength", "rate", "at_edge", "trials", "train_loss"]
    pd.testing.assert_frame_equal(again[same], rows[same])
    trained = (rows.candidate != "start").to_numpy()
    assert (again.test_loss != rows.test_loss)[trained].all()
    np.testing.assert_allclose(again.test_score + rows.test_score, 1)


def test_where_every_rate_diverges_there_is_no_run() -> None:
    rows_alone = Candidate((1, 2), kind="rows", rank=3, alpha=0.0)
    found = swept(effort=Effort(3, 4, 1e32, 4.0, 4), name="gpt2-conv1d", candidates=[rows_alone], seeds=[0])
    row = found[found.candidate == rows_alone.name].iloc[0]
    assert row.rate is None or np.isnan(row.rate)
    assert not row.at_edge
    assert row[["test_loss", "test_score", "train_loss", "validation_loss"]].isna().all()
    assert [trial["validation_loss"] for trial in row.trials] == [None] * 4


def test_an_effort_is_adam_on_the_cross_entropy() -> None:
    assert EFFORT.recipe(0.5, 2.0, 7) == Recipe(
        0.5, 3, "cross-entropy", "adam", strength=2.0, batch=4, seed=7
    )
