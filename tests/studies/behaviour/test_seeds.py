"""Whatever a draw leaves to chance has the seed of the draw, and runs are carried for what they added."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.studies.behaviour import HEAD, PROMPT, SGD, Effort, Problem, behaviour, draw
from lintune.studies.behaviour.training import Trained, mean_loss, network, tuned
from lintune.tangents import top_layers
from tests.studies.behaviour.tiny_tasks import plan, task
from tests.tiny import pretrained

EFFORT = Effort(steps=3, batch=4, rates={"sgd": (4.0,)})
MODEL, TINY, SEED = pretrained("gpt2-conv1d"), task(3), 13


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    few = plan({PROMPT: ("sgd",)}, effort=EFFORT, turned_shots=0, linearised=False)
    return behaviour(MODEL, TINY, few, [SEED])


@pytest.fixture(scope="module")
def problem() -> Problem:
    function = PromptedModel(MODEL, TINY.prompt, 32)
    return Problem.of(function, Weights(top_layers(MODEL.model, 1)), draw(TINY, 3, SEED, 9), (SGD,))


def trained(problem: Problem, seed: int = SEED) -> Trained:
    found = tuned(network, problem, "sgd", EFFORT, seed, (4.0,))
    assert found is not None
    return found


def test_training_goes_through_the_examples_in_the_order_of_the_draw(
    rows: pd.DataFrame, problem: Problem
) -> None:
    row = rows[rows.way == "fine-tuned"].iloc[0]
    test = slice(len(problem.validation), None)
    expected, other = (mean_loss(trained(problem, s).outputs[test], problem.test) for s in (SEED, 0))
    assert row.test_loss == pytest.approx(expected, rel=1e-9)
    assert other != pytest.approx(expected, rel=1e-3)


def test_what_a_kernel_carries_is_what_training_added_to_the_start(
    rows: pd.DataFrame, problem: Problem
) -> None:
    run, v = trained(problem), len(problem.validation)
    gram = problem.gram(SGD).reshape(18, 18)
    across = problem.cross(SGD).reshape(18, -1)
    # By the spectrum of the kernel, with the ridge a thousandth of its largest eigenvalue.
    values, vectors = np.linalg.eigh(gram)
    smoother = across.T @ vectors @ np.diag(1 / (values + 1e-3 * values[-1])) @ vectors.T

    def carried(train_start: np.ndarray, start: np.ndarray) -> float:
        told = (smoother @ (run.train - train_start).ravel()).reshape(start.shape)
        told, added = (side[v:] - side[v:].mean(axis=0) for side in (told, run.outputs - start))
        return float(np.corrcoef(told.ravel(), added.ravel())[0, 1])

    expected = carried(problem.train_start, problem.start)
    found = rows[rows.way == "kernel"].iloc[0]["carries fine-tuned, sgd"]
    assert found == pytest.approx(expected, abs=1e-8)
    for whole in (
        carried(0 * problem.train_start, problem.start),
        carried(problem.train_start, 0 * problem.start),
        carried(0 * problem.train_start, 0 * problem.start),
    ):
        assert abs(whole - expected) > 1e-3


def seeds_given(function: Callable[..., Any], seen: set[tuple[str, int]], name: str) -> Callable[..., Any]:
    """Return the function, noting the seed of every call."""
    signature = inspect.signature(function)

    def noted(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        seen.add((name, given.arguments["seed"]))
        return function(*args, **kwargs)

    return noted


@pytest.mark.parametrize("function", [PROMPT, HEAD])
def test_folds_probes_and_orders_have_the_seed_of_the_draw(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[str, int]] = set()
    room = "lintune.studies.behaviour"
    for place in ("scoring.choose", "study.probed", "training.Recipe"):
        module, name = place.split(".")
        original = getattr(__import__(f"{room}.{module}", fromlist=[name]), name)
        monkeypatch.setattr(f"{room}.{place}", seeds_given(original, seen, name))
    few = plan({function: ("sgd",)}, effort=EFFORT, turned_shots=0)
    behaviour(MODEL, TINY, few, [SEED, 21])
    drawn = {"choose", "Recipe"} | ({"probed"} if function == HEAD else set())
    assert seen == {(name, seed) for name in drawn for seed in (SEED, 21)}


def test_the_draws_of_a_seed_are_those_of_the_study(rows: pd.DataFrame, problem: Problem) -> None:
    start = rows[rows.way == "zero-shot"].iloc[0]
    chances = np.exp(problem.kernels.train_logits)
    chances /= chances.sum(axis=1, keepdims=True)
    slopes = chances - np.eye(3)[problem.labels]
    assert start.chi == pytest.approx(np.linalg.norm(slopes, axis=1).mean())
    assert rows.seed.dropna().eq(SEED).all()
