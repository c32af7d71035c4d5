"""Where runs leave their linear twin, on a tiny model: measures, and what the chapter proves of them."""

import dataclasses
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from lintune.descent import Loss, Recipe, Step, World, descend, difference
from lintune.errors import DivergedError, InputError
from lintune.finetune import Curvature, Network, Setup, finetune
from lintune.linearized import jacobian
from lintune.methods import LoRA
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.studies import departure as study
from lintune.studies.departure.problem import Problem, problems
from lintune.studies.departure.run import Checkpoints, run
from lintune.tangents import top_layers
from lintune.tasks import FewShot, Source, Task
from pipeline.grids import GRIDS, run_departure
from tests.linearized.test_primal import direction
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

SPLIT = FewShot(sentences(0, 6), sentences(1, 6))
WHOLE = Checkpoints(at={1, 2, 4, 8}, whole={1, 8}, ends={8})


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    # A model that computes all in float64.
    return PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def problem(prompted: PromptedModel) -> Problem:
    return problems(prompted, SPLIT, [lora(prompted, 8.0)])[0]


def lora(prompted: PromptedModel, alpha: float) -> LoRA:
    return LoRA(4, alpha, top_layers(prompted.pretrained.model, 1), seed=3)


def moved(attached: Attached, length: float) -> dict[str, torch.Tensor]:
    along = direction(attached, 5)
    return {name: value + length * along[name] for name, value in attached.start.items()}


def test_the_share_is_what_the_whole_jacobian_leaves_over(problem: Problem) -> None:
    attached, prepared = problem.setup.attached, problem.setup.train
    values = moved(attached, 0.3)
    away = difference(values, attached.start)
    linear = sum(
        torch.einsum("nk...,...->nk", part, away[name]) for name, part in jacobian(attached, prepared).items()
    )
    change = attached.outputs_on(values, prepared) - attached.outputs_on(attached.start, prepared)
    expected = float((change - linear).norm() / change.norm())
    assert expected > 0.01
    assert study.nonlinear_share(attached, prepared, values) == pytest.approx(expected, rel=1e-9)
    assert study.nonlinear_share(attached, prepared, attached.start) == 0


def test_the_bend_is_half_the_second_derivative(problem: Problem) -> None:
    attached, prepared = problem.setup.attached, problem.setup.train
    away = difference(moved(attached, 0.05), attached.start)

    def f(part: float) -> torch.Tensor:
        point = {name: value + part * away[name] for name, value in attached.start.items()}
        return attached.outputs_on(point, prepared)

    h = 1e-3
    second, first = (f(h) + f(-h) - 2 * f(0)) / h**2, (f(h) - f(-h)) / (2 * h)
    expected = float(second.norm() / 2 / first.norm())
    assert study.bend(attached, prepared, away) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(InputError, match="missing or unknown"):
        study.bend(attached, prepared, {})


def test_the_share_of_a_short_way_is_the_bend_times_its_length(problem: Problem) -> None:
    attached, prepared = problem.setup.attached, problem.setup.train
    bend = study.bend(attached, prepared, difference(moved(attached, 0.01), attached.start))
    share = study.nonlinear_share(attached, prepared, moved(attached, 1e-5))
    assert share == pytest.approx(1e-3 * bend, rel=1e-2)


def test_a_run_measures_what_fine_tuning_and_curvature_measure(problem: Problem) -> None:
    recipe = Recipe(0.3 / problem.largest, 8)
    rows = pd.DataFrame(run(problem, recipe, WHOLE)).set_index("step")
    setup = problem.setup
    curvature = Curvature(setup.attached, setup.train)
    known = finetune(setup, recipe, at=[1, 8], curvature=curvature).rows.set_index("step")
    for step in (1, 8):
        here, there = rows.loc[step], known.loc[step]
        assert here.loss == pytest.approx(there.loss)
        assert here.drift == pytest.approx(there.drift)
        assert here.kernel_drift == pytest.approx(there.kernel_drift, rel=1e-6)
        assert here.twin_loss == pytest.approx(there.twin_loss)
        assert here.train_gap * here.train_moved == pytest.approx(there.train_gap, rel=1e-6, abs=1e-9)
        root = here.test_gap * here.test_moved / np.sqrt(len(setup.test))
        assert root == pytest.approx(there.test_gap, rel=1e-6, abs=1e-9)
        share = here.train_share * here.train_moved
        assert share == pytest.approx(there.linearisation_error, rel=1e-6, abs=1e-9)
    assert rows.loc[8, "twin_drift"] == pytest.approx(known.loc[8, "twin_drift"], rel=1e-6)
    assert rows.kernel_drift.notna().tolist() == [True, False, False, True]
    assert rows.twin_bend.notna().tolist() == [False, False, False, True]


def test_after_one_step_the_gap_is_the_share(problem: Problem) -> None:
    first = run(problem, Recipe(0.5 / problem.largest, 8), WHOLE)[0]
    for side in ("train", "test"):
        assert first[f"{side}_gap"] == pytest.approx(first[f"{side}_share"], rel=1e-6)
        assert first[f"{side}_gap"] > 1e-6


def test_the_scale_does_not_bend_the_twin_but_turns_the_kernel_where_it_ends(prompted: PromptedModel) -> None:
    scales = [0.5, 2.0, 2048.0, 8192.0]
    ends = []
    for problem in problems(prompted, SPLIT, [lora(prompted, alpha) for alpha in scales]):
        ends.append(run(problem, Recipe(0.3 / problem.largest, 8), WHOLE)[-1])
    bends = [end["twin_bend"] for end in ends]
    np.testing.assert_allclose(bends, bends[0], rtol=1e-4)
    drifts = [end["twin_kernel_drift"] for end in ends]
    assert drifts[0] / drifts[1] == pytest.approx(16, rel=0.05)  # the kernel of A rules
    assert drifts[2] / drifts[3] == pytest.approx(1, rel=0.01)  # it is gone
    moved = [end["twin_moved"] for end in ends]
    np.testing.assert_allclose(moved, moved[0], rtol=1e-6)


def test_every_scale_and_rate_is_run_and_what_diverges_is_said(
    prompted: PromptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(world: World, loss: Loss, recipe: Recipe) -> Iterator[Step]:
        for step in descend(world, loss, recipe):
            if isinstance(world, Network) and step.number > 4:
                raise DivergedError("by the test")
            yield step

    monkeypatch.setattr("lintune.studies.departure.run.descend", diverging)
    dial = study.Dial([16.0, 64.0], [0.1], [8, 16], rank=4)
    assert sorted(dial.checkpoints.at) == [1, 2, 4, 8, 16]
    rows = study.departures(prompted, SPLIT, dial, seed=1)
    assert rows.step.tolist() == [1, 2, 4, 8, 16] * 2
    assert rows.diverged.tolist() == [False, False, False, True, True] * 2
    assert rows.test_gap.isna().tolist() == rows.diverged.tolist()
    assert (
        rows.twin_kernel_drift.notna().tolist() == rows.diverged.tolist()
    )  # ends: the twin does not diverge
    table = study.horizons(rows.assign(task="tiny", seed=1))
    assert np.isinf(table[["gap", "worst"]]).all(axis=None)
    assert np.isfinite(table["kernel drift"]).all()


def test_with_adam_the_twin_is_trained_in_the_parameters(prompted: PromptedModel) -> None:
    dial = study.Dial([64.0], [1e-4], [8], rank=4, optimiser="adam", loss="cross-entropy")
    rows = study.departures(prompted, SPLIT, dial, seed=1)
    assert rows.learning_rate.unique() == [1e-4]
    assert 0 < rows.test_gap.iloc[-1] < 0.5
    assert rows.loss.iloc[-1] < rows.start_loss.iloc[-1]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"alphas": []}, "alphas=.* distinct positive"),
        ({"rates": [0.1, 0.1]}, "rates=.* distinct positive"),
        ({"rates": [2.0]}, "below 2, where the linear twin diverges"),
        ({"steps": [12]}, "multiples of 8"),
    ],
)
def test_a_dial_that_cannot_be_turned_is_refused(wrong: dict[str, list[float]], match: str) -> None:
    with pytest.raises(InputError, match=match):
        study.Dial(**({"alphas": [1.0], "rates": [0.1], "steps": [8]} | wrong))  # type: ignore[arg-type]


def test_short_texts_are_balanced_and_their_test_examples_the_same(task: Task) -> None:
    one, other = (study.short_texts(task, 2, 3, seed, pool=20) for seed in (0, 1))
    assert np.bincount(one.train.labels).tolist() == [2, 2]
    assert one.test.fields == other.test.fields
    assert len(one.test) == 6


def test_the_side_is_that_of_the_share(prompted: PromptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup.of(prompted, lora(prompted, 8.0), SPLIT)
    attached, unseen = setup.attached, setup.test
    near, far = (study.side(attached, unseen, moved(attached, length)) for length in (1e-4, 3.0))
    assert (near.side, far.side) == (study.LINEAR, study.BEYOND)
    assert far.share == pytest.approx(study.nonlinear_share(attached, unseen, moved(attached, 3.0)))
    assert study.side(attached, unseen, moved(attached, 3.0), threshold=1e9).side == study.LINEAR
    overflown = {name: value + float("inf") for name, value in attached.start.items()}
    assert study.side(attached, unseen, overflown) == dataclasses.replace(far, share=float("inf"))
    monkeypatch.setattr("lintune.studies.departure.sides.nonlinear_share", lambda *_: float("nan"))
    assert study.side(attached, unseen, attached.start).side == study.BEYOND
    with pytest.raises(InputError, match="threshold=0 must be positive"):
        study.side(attached, unseen, attached.start, threshold=0)


def test_the_reference_grid_is_a_dial_of_draws(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.grids.PromptedModel", partial(PromptedModel, longest=32))
    settings = dict(GRIDS["departure"].settings)
    assert GRIDS["departure"].run is run_departure
    settings |= {"alphas": [16.0], "rates": [0.2], "steps": [8], "rank": 2, "per_class": 1}
    rows = run_departure(pretrained("llama"), task, [0, 1], **settings)
    assert rows.groupby("seed").step.apply(list).to_dict() == {0: [1, 2, 4, 8], 1: [1, 2, 4, 8]}
    assert set(study.horizons(rows.assign(task="tiny")).draw) == {"tiny 0", "tiny 1"}


@pytest.fixture(scope="module")
def task() -> Task:
    source = Source(licence="none", citation="", note="made by the test", sha256="0")
    return Task("tiny", "Tiny", ("bad", "good"), PROMPT, sentences(0, 160), sentences(1, 300), source)
