"""The study: equal trials, the test examples looked at once, kernels from one capture."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.finetune import Setup, finetune
from lintune.kernels import contrasts, tangent_kernels
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.behaviour import draw
from lintune.studies.comparison import Plan, compared, comparison
from lintune.studies.comparison.bench import Bench
from lintune.studies.comparison.compared import seeded
from lintune.tasks import FewShot
from tests.studies.behaviour.tiny_tasks import task
from tests.studies.comparison.made import TINY
from tests.tiny import pretrained

NAMES, SEEDS = ["LoRA", "LoRA + MPC_o", "IA3"], [0, 1, 2]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return comparison(pretrained("llama", torch.float32), task(3), TINY, SEEDS, NAMES)


def test_every_method_has_as_many_trials_and_a_run_per_draw(rows: pd.DataFrame) -> None:
    counts = rows.groupby(["what", "method"]).size().unstack("what")
    assert counts.loc[NAMES].to_numpy().tolist() == [[1, 2, 3, 6]] * 3
    assert list(counts) == ["cost", "kernel", "run", "trial"]
    levels = rows[rows.what == "level"].groupby("way").size().to_dict()
    assert levels == {"chance": 1, "majority": 1, "zero-shot": 1, "zero-shot, calibrated": 3}


def test_the_chosen_rate_has_the_least_validation_loss(rows: pd.DataFrame) -> None:
    for name in NAMES:
        mine = rows[rows.method == name]
        trials = mine[mine.what == "trial"]
        best = trials.iloc[int(trials.validation_loss.to_numpy(dtype=float).argmin())]
        final = mine[mine.what == "run"]
        assert set(final.rate) == {best.rate}
        # The draws of the search end where their trial ended.
        assert final.validation_loss[final.seed < 2].mean() == pytest.approx(best.validation_loss)


def test_final_runs_are_runs_of_fine_tuning(rows: pd.DataFrame) -> None:
    model = pretrained("llama", torch.float32)
    prompted = PromptedModel(model, task(3).prompt_for("causal"), 32)
    method = compared(model.model, 1, rank=2, count=2)["LoRA + MPC_o"]
    final = rows[(rows.what == "run") & (rows.method == "LoRA + MPC_o")].set_index("seed")
    for seed in SEEDS:
        found = draw(task(3), 2, seed, 9, 2)
        recipe = Recipe(final.rate[seed], 3, "cross-entropy", "adam", batch=4, seed=seed)
        alone = finetune(
            Setup.of(prompted, seeded(method, seed), FewShot(found.train, found.test)),
            recipe,
            at=(3,),
            twin=False,
        )
        end = alone.rows.iloc[-1]
        assert final.test_loss[seed] == pytest.approx(end.test_loss, rel=1e-5)
        assert final.test_score[seed] == pytest.approx(end.test_accuracy)
        assert final.train_loss[seed] == pytest.approx(end.loss / 6, rel=1e-5)


def test_kernels_of_one_capture_are_those_of_each_method_alone(rows: pd.DataFrame) -> None:
    model = pretrained("llama", torch.float32)
    prompted = PromptedModel(model, task(3).prompt_for("causal"), 32)
    kernels = rows[(rows.what == "kernel") & (rows.seed == 1)].set_index("method")
    found = draw(task(3), 2, 1, 9, 2)
    for name, method in compared(model.model, 1, rank=2, count=2, names=NAMES).items():
        alone = tangent_kernels(
            prompted, found.train, found.test, methods={"it": seeded(method, 1)}, outputs=contrasts(3)
        )
        fitted = fit(alone.train["it"].total(), alone.train_logits, found.train.labels)
        scores = fitted.scores(alone.cross["it"].total(), alone.cross_logits)
        assert kernels.loc[name, "leave-one-out loss"] == pytest.approx(fitted.loss, rel=1e-4)
        expected = np.mean(scores.argmax(axis=1) == found.test.labels)
        assert kernels.loc[name, "kernel score"] == pytest.approx(expected)
    first = rows[(rows.what == "kernel") & (rows.seed == 0)].set_index("method")
    assert sum(first.spectrum["IA3"]) == pytest.approx(1, abs=1e-3)
    alike = first.alike["LoRA"]
    assert alike["LoRA + MPC_o"] == pytest.approx(1)
    assert alike["IA3"] < 1


def test_training_that_diverges_everywhere_leaves_rows_without_outcomes() -> None:
    plan = Plan(**{**vars(TINY), "rates": (1e30, 1e31), "rounds": 0, "memory": False})
    found = comparison(pretrained("llama", torch.float32), task(), plan, [0, 1], ["LoRA", "weights"])
    runs = found[(found.what == "run") & (found.method == "weights")]
    assert list(runs.diverged) == [True, True]
    assert runs.test_loss.isna().all()
    trials = found[(found.what == "trial") & (found.method == "weights")]
    assert list(trials.validation_loss) == [math.inf] * 4
    assert found[found.what == "cost"].peak_bytes.isna().all()


def test_a_bench_runs_frozen_blocks_once() -> None:
    model = pretrained("llama", torch.float32)
    prompted = PromptedModel(model, task().prompt_for("causal"), 32)
    methods = compared(model.model, 1, rank=2)
    draws = [draw(task(), 3, seed, 9, 3) for seed in (0, 1)]
    bench = Bench.of(prompted, methods["LoRA"], draws, "accuracy")
    other = bench.with_method(methods["norms"])
    assert other.prepared is bench.prepared
    assert [setup.train for setup in other.setups] == [setup.train for setup in bench.setups]
    whole = bench.with_method(compared(model.model, 2, rank=2)["LoRA"])
    assert whole.prepared.depth == 0


def test_seeds_and_sizes_are_checked_before_any_work() -> None:
    model = pretrained("llama", torch.float32)
    with pytest.raises(InputError, match="at least one, and distinct"):
        comparison(model, task(), TINY, [1, 1])
    for wrong in ({"steps": 0}, {"rates": (0.1, 0.01)}, {"finer": 1.0}, {"rates": ()}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))}="):
            Plan(**wrong)
