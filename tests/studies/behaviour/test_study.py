"""The study from end to end on tiny models, for prompts and fresh heads."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lintune.errors import InputError
from lintune.metrics import Metric
from lintune.models.fingerprint import fingerprint
from lintune.studies.behaviour import HEAD, KERNELS, PROMPT, Effort, behaviour, draw, verdicts
from lintune.studies.behaviour.study import _Study
from lintune.tasks import Examples
from tests.prompted.heads import tiny as encoder
from tests.studies.behaviour.tiny_tasks import RATES, plan, task
from tests.tiny import pretrained


@pytest.fixture(scope="module", params=[2, 3])
def rows(request: pytest.FixtureRequest) -> pd.DataFrame:
    return behaviour(pretrained("llama", torch.float32), task(request.param), plan(), [0, 1])


def test_every_way_has_its_row_for_every_draw(rows: pd.DataFrame) -> None:
    for function, start in (
        (PROMPT, {"zero-shot": 1, "zero-shot, calibrated": 1}),
        (HEAD, {"linear probe": 1}),
    ):
        for seed in (0, 1):
            mine = rows[(rows.function == function) & (rows.seed == seed)]
            assert (
                mine.way.value_counts().to_dict() == {"fine-tuned": 3, "linearised": 3, "kernel": 3} | start
            )
            assert sorted(mine.kernel.dropna()) == sorted(KERNELS)
    assert rows[rows.function.isna()].way.tolist() == ["chance", "majority"]
    assert rows[rows.function.isna()].seed.isna().all()


def test_scores_are_shares_and_measures_are_there_where_they_make_sense(rows: pd.DataFrame) -> None:
    assert rows.score.astype(float).between(0, 1).all()
    tuned = rows[rows.way == "fine-tuned"]
    assert (tuned[["drift", "kernel_drift", "rate", "train_loss"]] > 0).all().all()
    assert (rows[rows.way.isin(["fine-tuned", "linearised"])].diverged == 0).all()
    starts = rows[rows.way.isin(["zero-shot", "linear probe"])]
    assert starts.chi.between(0, 2**0.5).all()
    assert starts.chi_held_out.between(0, 2**0.5).all()
    assert rows[~rows.way.isin(["zero-shot", "linear probe"])].chi.isna().all()
    carried = rows[rows.way == "kernel"].filter(like="carries ")
    assert set(carried) == {
        f"carries {way}, {optimiser}"
        for way in ("fine-tuned", "linearised")
        for optimiser in ("sgd", "signgd", "adam")
    }
    assert carried.abs().max().max() <= 1 + 1e-9
    assert carried.notna().all().all()


def test_rates_chosen_on_the_first_draw_serve_the_others(rows: pd.DataFrame) -> None:
    runs = rows[rows.way.isin(["fine-tuned", "linearised"])]
    by = runs.groupby(["function", "way", "optimiser"])
    assert (by.rate.nunique() == 1).all()
    chosen = by.rate.first().reset_index().to_dict("records")
    assert all(row["rate"] in RATES[row["optimiser"]] for row in chosen)


def test_the_rows_are_judged(rows: pd.DataFrame) -> None:
    found = verdicts(rows)
    assert len(found) == 6
    assert found["fixed features"].notna().all()
    assert found["draws that agree"].between(0, 1).all()


def test_sgd_alone_needs_one_kernel_and_no_other_runs() -> None:
    found = behaviour(
        pretrained("llama", torch.float32), task(), plan({HEAD: ("sgd",)}, linearised=False), [0]
    )
    assert found.way.tolist() == ["chance", "majority", "linear probe", "fine-tuned", "kernel"]
    assert found.kernel.dropna().tolist() == ["K(SGD)"]


def test_a_masked_model_is_asked_through_its_own_prompt() -> None:
    found = behaviour(pretrained("bert", torch.float32), task(), plan({PROMPT: ("sgd",)}), [0])
    assert found.score.notna().all()


def test_an_encoder_is_trained_from_a_fresh_head() -> None:
    found = behaviour(encoder("encoder", torch.float32), task(3), plan({HEAD: ("sgd",)}), [0])
    assert found.score.notna().all()
    assert (found[found.way == "fine-tuned"].drift > 0).all()


@pytest.mark.parametrize("name", ["llama", "encoder"])
def test_a_fresh_head_is_trained_with_the_blocks_and_the_model_itself_is_not(name: str) -> None:
    model = encoder(name, torch.float32)
    before = fingerprint(model.model.state_dict())
    study = _Study(model, task(), plan({HEAD: ("sgd",)}), HEAD)
    headed, method = study._start(draw(task(), 3, 0, 5))
    trained = dict(method.sites(headed.pretrained.model))
    assert trained.pop("head").kind == "head"
    assert {site.block for site in trained.values()} == {1}
    list(study.on(draw(task(), 3, 0, 5)))
    assert fingerprint(model.model.state_dict()) == before


def test_the_same_call_gives_the_same_rows() -> None:
    first, second = (
        behaviour(pretrained("llama", torch.float32), task(), plan({HEAD: ("sgd", "adam")}), [3])
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


def test_permuted_test_labels_change_no_choice_and_no_measure_of_training() -> None:
    tiny, model = task(3), pretrained("llama", torch.float32)
    labels = tiny.test.labels
    relabelled = replace(tiny, test=Examples(tiny.test.fields, (labels + 1) % 3))
    few = plan({PROMPT: ("sgd", "adam"), HEAD: ("sgd",)})
    first, second = (behaviour(model, each, few, [0, 1]) for each in (tiny, relabelled))
    kept = ["function", "way", "optimiser", "kernel", "seed", "rate", "drift", "kernel_drift", "chi"]
    kept += [str(name) for name in first if str(name).startswith("carries ")]
    pd.testing.assert_frame_equal(first[kept], second[kept])
    assert not np.allclose(first.test_loss.dropna(), second.test_loss.dropna())


def test_a_network_that_diverges_has_no_score_and_the_rest_is_there() -> None:
    effort = Effort(steps=3, batch=4, rates={"sgd": (1e36,), "adam": (1e36,)})
    few = plan({PROMPT: ("sgd", "adam")}, effort=effort, linearised=False)
    found = behaviour(pretrained("gpt2-conv1d", torch.float32), task(), few, [0, 1])
    tuned = found[found.way == "fine-tuned"]
    assert len(tuned) == 4
    assert tuned.score.isna().all()
    assert found[found.way != "fine-tuned"].score.notna().all()
    assert verdicts(found)["kernel behaviour"].isna().all()


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_rates_are_chosen_by_the_metric_of_the_task(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def noted(*args: Any) -> None:
        seen.append(args[-1])

    monkeypatch.setattr("lintune.studies.behaviour.study.tuned", noted)
    tiny = replace(task(), metric=metric)
    behaviour(pretrained("gpt2-conv1d"), tiny, plan({PROMPT: ("sgd",)}, turned_shots=0), [0])
    assert seen == [metric] * 2


def test_what_cannot_be_drawn_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Study, "on", lambda *_: pytest.fail("work began"))
    model, tiny = pretrained("llama", torch.float32), task()
    with pytest.raises(InputError, match=r"seeds=\[\]"):
        behaviour(model, tiny, plan(), [])
    with pytest.raises(InputError, match=r"seeds=\[3, 3\] must be distinct"):
        behaviour(model, tiny, plan(), [3, 3])
    with pytest.raises(InputError, match="shots=20 for training and 20 for validation"):
        behaviour(model, tiny, plan(shots=20), [0])
    with pytest.raises(InputError, match="test_examples=99"):
        behaviour(model, tiny, plan(test_examples=99), [0])


@pytest.mark.parametrize("function", [PROMPT, HEAD])
def test_too_great_a_depth_is_refused_before_any_pass(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintune.studies.behaviour.study.probed", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(InputError, match="depth=9 must be from 1 to 2"):
        behaviour(pretrained("llama", torch.float32), task(), plan({function: ("sgd",)}, depth=9), [0])
