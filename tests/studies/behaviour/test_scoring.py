"""Rows of scores: what each way says of the test examples, and what it knows of the labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lintune import metrics
from lintune.errors import InputError
from lintune.finetune import Curvature
from lintune.kernels import contrasts
from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.solvers import REPORTED_RIDGES, REPORTED_SCALINGS, LeastSquares, choose
from lintune.studies.behaviour import KERNELS, SGD, SIGNGD, Problem, draw
from lintune.studies.behaviour.scoring import Scorer, blind, travelled, turning
from lintune.studies.behaviour.training import Trained
from lintune.tangents import top_layers
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained


@pytest.fixture(scope="module")
def problem() -> Problem:
    tiny, model = task(3), pretrained("gpt2-conv1d")
    few = draw(tiny, 4, 0, 12)
    return Problem.of(
        PromptedModel(model, tiny.prompt, 32), Weights(top_layers(model.model, 1)), few, KERNELS
    )


def test_the_start_is_scored_with_the_mean_size_of_its_output_derivative(problem: Problem) -> None:
    row = Scorer(task(3), problem).start("zero-shot")
    logits = problem.kernels.cross_logits[len(problem.validation) :]
    assert row["score"] == pytest.approx((logits.argmax(axis=1) == problem.test).mean())
    chances = torch.as_tensor(problem.kernels.train_logits).softmax(dim=1).numpy()
    chi = chances - np.eye(3)[problem.labels]
    assert row["chi"] == pytest.approx(np.linalg.norm(chi, axis=1).mean())
    held_out = torch.as_tensor(problem.kernels.cross_logits[: len(problem.validation)]).softmax(dim=1).numpy()
    chi = held_out - np.eye(3)[problem.validation]
    assert row["chi_held_out"] == pytest.approx(np.linalg.norm(chi, axis=1).mean())
    right = torch.as_tensor(logits).log_softmax(dim=1).numpy()[np.arange(12), problem.test]
    assert row["test_loss"] == pytest.approx(-right.mean())


def test_calibration_looks_at_training_texts_without_labels(problem: Problem) -> None:
    row = Scorer(task(3), problem).calibrated()
    logits = problem.kernels.cross_logits[len(problem.validation) :]
    classes = (logits - problem.kernels.train_logits.mean(axis=0)).argmax(axis=1)
    assert row["score"] == pytest.approx((classes == problem.test).mean())
    relabelled = replace(problem, labels=np.roll(problem.labels, 1))
    assert Scorer(task(3), relabelled).calibrated() == row


def test_outputs_are_classified_by_their_logits(problem: Problem) -> None:
    perfect = 5 * contrasts(3)[np.concatenate([problem.validation, problem.test])]
    row = Scorer(task(3), problem).outputs("fine-tuned", perfect, optimiser="sgd", rate=1.0)
    assert (row["way"], row["score"], row["optimiser"], row["rate"]) == ("fine-tuned", 1.0, "sgd", 1.0)
    assert row["test_loss"] < 0.1


def test_the_metric_is_the_tasks(problem: Problem) -> None:
    two = replace(problem, test=problem.test % 2, validation=problem.validation % 2)
    scorer = Scorer(replace(task(2), metric="f1"), two)
    outputs = np.random.default_rng(0).normal(size=(len(two.validation) + len(two.test), 1))
    said = (outputs[len(two.validation) :] @ contrasts(2).T).argmax(axis=1)
    found = scorer.outputs("fine-tuned", outputs)["score"]
    assert found == pytest.approx(metrics.score("f1", two.test, said))
    assert found != pytest.approx((said == two.test).mean())


@pytest.mark.parametrize("fitted_start", [False, True])
def test_regression_is_least_squares_by_cross_validation(problem: Problem, fitted_start: bool) -> None:
    row = Scorer(task(3), problem).regression(SGD, 7, {}, fitted_start)
    scalings = [float("inf")] if fitted_start else REPORTED_SCALINGS
    candidates = [LeastSquares(ridge, 1 / scaling) for ridge in REPORTED_RIDGES for scaling in scalings]
    logits, others = problem.kernels.train_logits, problem.kernels.cross_logits
    fitted = choose(candidates, problem.gram(SGD), logits, problem.labels, seed=7).fitted
    said = fitted.scores(problem.cross(SGD), others)[len(problem.validation) :].argmax(axis=1)
    assert row == {"way": "kernel", "kernel": SGD, "score": pytest.approx((said == problem.test).mean())}


def run_of(problem: Problem, kernel: str, factor: float = 1.0) -> Trained:
    """Return a run whose steps moved every output as a kernel says, with made-up coefficients."""
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=problem.train_start.shape)
    moved = [
        factor * np.einsum("nc,ncmd->md", coefficients, part)
        for part in (problem.gram(kernel), problem.cross(kernel))
    ]
    return Trained(problem.train_start + moved[0], problem.start + moved[1], None, 1.0, (0.0, 0.0))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_carries_the_run_that_its_steps_made(problem: Problem, kernel: str) -> None:
    run = run_of(problem, kernel)
    lost = replace(run, outputs=2 * problem.start - run.outputs)
    runs = {"own": run, "against": lost, "none": replace(run, outputs=problem.start)}
    row = Scorer(task(3), problem).regression(kernel, 0, runs, fitted_start=False)
    assert row["carries own"] > 0.999
    assert row["carries against"] < -0.999
    assert row["carries none"] is None


def test_a_kernel_carries_another_kernels_run_less_well(problem: Problem) -> None:
    scorer, runs = Scorer(task(3), problem), {"run": run_of(problem, SIGNGD)}
    own, other = (scorer.regression(each, 0, runs, False)["carries run"] for each in (SIGNGD, SGD))
    assert other < 0.99 < own


def test_what_is_carried_does_not_know_labels_nor_the_size_of_the_run(problem: Problem) -> None:
    runs = {"small": run_of(problem, SIGNGD, 1e-3), "large": run_of(problem, SIGNGD, 10.0)}
    relabelled = replace(problem, test=(problem.test + 1) % 3)
    rows = [Scorer(task(3), each).regression(SGD, 0, runs, False) for each in (problem, relabelled)]
    assert rows[0]["carries small"] == pytest.approx(rows[0]["carries large"])
    assert rows[0]["carries large"] == rows[1]["carries large"]


def test_a_jacobian_that_would_not_fit_is_refused(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintune.studies.behaviour.scoring._HELD", 1000)
    with pytest.raises(InputError, match="turned_shots=2: the derivatives of 6 examples take"):
        turning(problem, 2)
    assert turning(problem, 0) is None


@pytest.mark.parametrize("way", ["outputs", "calibrated", "regression"])
def test_permuting_test_examples_permutes_answers_and_nothing_else(problem: Problem, way: str) -> None:
    v, m = len(problem.validation), len(problem.test)
    order = np.random.default_rng(1).permutation(m)
    rows = np.concatenate([np.arange(v), v + order])
    kernels = problem.kernels
    cross = {
        name: replace(block, blocks=block.blocks[:, :, :, rows]) for name, block in kernels.cross.items()
    }
    moved = replace(
        problem,
        test=problem.test[order],
        kernels=replace(kernels, cross=cross, cross_logits=kernels.cross_logits[rows]),
    )

    def asked(each: Problem) -> dict[str, object]:
        scorer, change = Scorer(task(3), each), each.start**2
        run = Trained(each.train_start**2, change, None, 1.0, (0.0, 0.0))
        if way == "outputs":
            return scorer.outputs("fine-tuned", change)
        return (
            scorer.calibrated()
            if way == "calibrated"
            else scorer.regression(SGD, 0, {"run": run}, fitted_start=False)
        )

    first, second = asked(problem), asked(moved)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert second[name] == (pytest.approx(value) if isinstance(value, float) else value)


def test_blind_ways_ask_no_model() -> None:
    tiny = task(3)
    test = np.array([0, 0, 1, 2, 0, 1])
    rows = {row["way"]: row["score"] for row in blind(tiny, test)}
    assert rows == {"chance": pytest.approx(1 / 3), "majority": pytest.approx(1 / 2)}


def test_travelled_measures_drift_and_the_turn_of_the_kernel(problem: Problem) -> None:
    start = problem.attached.start
    rng = torch.Generator().manual_seed(0)
    away = {
        name: 0.1 * torch.randn(part.shape, generator=rng, dtype=part.dtype) for name, part in start.items()
    }
    run = Trained(problem.train_start, problem.start, away, 1.0, (0.0, 0.0))
    found = travelled(run, problem, turning(problem, 2))
    lengths = np.concatenate([part.numpy().ravel() for part in away.values()])
    assert found["drift"] == pytest.approx(np.linalg.norm(lengths))
    rows = [0, 1, 4, 5, 8, 9]
    direct = Curvature(problem.attached, problem.train.take(rows))
    there = {name: part + away[name] for name, part in start.items()}
    assert found["kernel_drift"] == pytest.approx(direct.at(there)["kernel_drift"])
    assert found["kernel_drift"] > 0
    still = replace(run, displacement={name: 0 * part for name, part in start.items()})
    assert travelled(still, problem, turning(problem, 2)) == {
        "drift": 0.0,
        "kernel_drift": pytest.approx(0, abs=1e-9),
    }
    assert travelled(run, problem, turning(problem, 0)).keys() == {"drift"}
