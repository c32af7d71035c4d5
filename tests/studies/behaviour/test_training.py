"""Training: the network and its linearisation by the same recipe, the rate by validation examples alone."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from lintune import metrics
from lintune.descent import Recipe, descend, difference, loss_for
from lintune.errors import CorruptFileError
from lintune.finetune import Network
from lintune.kernels import contrasts
from lintune.linearized import Primal, TangentModel
from lintune.methods import Weights
from lintune.methods.attached import Prepared
from lintune.prompted import PromptedModel
from lintune.studies.behaviour import ASYMMETRIC, KERNELS, SGD, Effort, Problem, draw
from lintune.studies.behaviour.training import Ended, Train, linear, mean_loss, network, tuned
from lintune.tangents import top_layers
from tests.studies.behaviour.tiny_tasks import RATES, task
from tests.tiny import pretrained

OPTIMISERS = ("sgd", "signgd", "adam")


@cache
def problem(classes: int = 2, dtype: torch.dtype = torch.float64) -> Problem:
    # No layer of GPT-2 computes in float32 whatever the weights are, as Llama's norms do.
    tiny, model = task(classes), pretrained("gpt2-conv1d", dtype)
    layers = top_layers(model.model, 1)
    few = draw(tiny, 4, 0, 10)
    return Problem.of(PromptedModel(model, tiny.prompt, 32), Weights(layers), few, KERNELS)


def unit(of: Problem, optimiser: str) -> float:
    """Return the rate that counts as 1, from the features' side."""
    gram = of.gram(SGD if optimiser == "sgd" else ASYMMETRIC)
    flat = gram.reshape(gram.shape[0] * gram.shape[1], -1)
    return float(1 / np.linalg.norm(flat, 2)) if optimiser == "sgd" else float(1 / np.diag(flat).mean())


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("batch", [None, 3])
def test_the_linear_model_in_the_dual_is_that_in_its_parameters(classes: int, batch: int | None) -> None:
    tiny = problem(classes)
    recipe = Recipe(4 * unit(tiny, "sgd"), 7, loss="cross-entropy", batch=batch, seed=5)
    inner, dual, nothing = linear(tiny, recipe)
    world = Primal(tiny.attached, tiny.train)
    for _ in descend(world, loss_for("cross-entropy", tiny.labels, classes), recipe):
        pass
    away = difference(world.values, world.start)
    start, change = TangentModel(tiny.attached, tiny.others).pushed(away)
    assert nothing is None
    assert np.abs(dual - tiny.start).max() > 0.1
    np.testing.assert_allclose(dual, (start + change).numpy(), atol=1e-8)
    on_train, pushed = world.tangent.pushed(away)
    np.testing.assert_allclose(inner, (on_train + pushed).numpy(), atol=1e-8)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_network_and_linear_model_part_at_second_order(optimiser: str, classes: int) -> None:
    tiny = problem(classes)
    apart, moved = [], []
    for shrink in (1e-2, 1e-3):
        recipe = Recipe(
            shrink * unit(tiny, optimiser),
            3,
            loss="cross-entropy",
            optimiser=optimiser,  # type: ignore[arg-type]
            batch=4,
        )
        real, line = network(tiny, recipe)[1], linear(tiny, recipe)[1]
        moved.append(np.linalg.norm(real - tiny.start))
        apart.append(np.linalg.norm(real - line))
    assert apart[1] < 0.02 * moved[1]
    assert apart[1] / moved[1] < 0.3 * apart[0] / moved[0]


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_outputs_are_those_of_the_network_where_training_ended(optimiser: str) -> None:
    tiny = problem(3)
    recipe = Recipe(unit(tiny, optimiser), 3, "cross-entropy", optimiser, batch=4)  # type: ignore[arg-type]
    inner, outer, away = network(tiny, recipe)
    assert away is not None
    there = {name: value + away[name] for name, value in tiny.attached.start.items()}
    for found, examples in ((inner, tiny.train), (outer, tiny.others)):
        expected = tiny.attached.outputs_on(there, examples).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-8)
    assert np.abs(outer - tiny.start).max() > 1e-3


@pytest.mark.parametrize("optimiser", ["signgd", "adam"])
def test_outputs_are_those_of_the_linear_model_where_training_ended(optimiser: str) -> None:
    tiny = problem(3)
    recipe = Recipe(unit(tiny, optimiser), 3, "cross-entropy", optimiser, batch=4)  # type: ignore[arg-type]
    inner, outer, away = linear(tiny, recipe)
    assert away is not None
    for found, examples in ((inner, tiny.train), (outer, tiny.others)):
        start, change = TangentModel(tiny.attached, examples).pushed(away)
        np.testing.assert_allclose(found, (start + change).numpy(), atol=1e-8)
    assert np.abs(outer - tiny.start).max() > 1e-3


@pytest.mark.parametrize("optimiser", ["signgd", "adam"])
def test_one_unit_moves_an_output_by_at_most_about_one(optimiser: str) -> None:
    tiny = problem()
    recipe = Recipe(unit(tiny, optimiser), 1, "cross-entropy", optimiser)  # type: ignore[arg-type]
    *_, away = linear(tiny, recipe)
    assert away is not None
    _, change = TangentModel(tiny.attached, tiny.train).pushed(away)
    sizes = np.einsum("icic->ic", tiny.gram(ASYMMETRIC))
    assert np.all(np.abs(change.numpy()) <= 1.001 * sizes * unit(tiny, optimiser))


@pytest.mark.parametrize("train", [network, linear])
def test_the_rate_that_scores_best_on_validation_examples_is_taken(train: Train) -> None:
    tiny, rates = problem(), (0.01, 1.0, 30.0)
    effort = Effort(steps=5, batch=4, rates={"sgd": rates})
    found = tuned(train, tiny, "sgd", effort, seed=3, rates=rates)
    tried = []
    for rate in rates:
        recipe = Recipe(rate * unit(tiny, "sgd"), 5, loss="cross-entropy", batch=4, seed=3)
        inner, outputs, _ = train(tiny, recipe)
        held_out = outputs[: len(tiny.validation)]
        right = float(((held_out @ contrasts(2).T).argmax(axis=1) == tiny.validation).mean())
        valued = (right, -mean_loss(held_out, tiny.validation))
        tried.append((valued, rate, mean_loss(inner, tiny.labels)))
    best = max(tried)
    assert found is not None
    assert (found.rate, found.diverged) == (best[1], 0)
    assert found.validation == pytest.approx(best[0])
    assert mean_loss(found.train, tiny.labels) == pytest.approx(best[2])


def made(scores: dict[float, tuple[list[int], float]]) -> Train:
    """Return training whose validation answers, and how sure they are, follow from the rate."""
    tiny = problem()

    def train(_problem: Problem, recipe: Recipe) -> Ended:
        rate = min(scores, key=lambda each: abs(each * unit(tiny, "sgd") - recipe.learning_rate))
        wrong, sure = scores[rate]
        answers = np.where(
            np.isin(np.arange(len(tiny.validation)), wrong), 1 - tiny.validation, tiny.validation
        )
        outputs = sure * contrasts(2)[np.concatenate([answers, tiny.test])]
        return np.zeros((len(tiny.labels), 1)), outputs, None

    return train


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({1.0: ([0], 0.1), 4.0: ([0, 1], 9.0)}, 1.0),  # the more accurate, though it is less sure
        ({1.0: ([0], 0.1), 4.0: ([0], 1.0)}, 4.0),  # equally accurate: of lower loss
        ({1.0: ([0], 5.0), 4.0: ([0], 0.5)}, 4.0),
    ],
)
def test_ties_of_validation_scores_go_to_the_lower_loss(
    scores: dict[float, tuple[list[int], float]], chosen: float
) -> None:
    found = tuned(made(scores), problem(), "sgd", Effort(steps=1), 0, list(scores))
    assert found is not None
    assert found.rate == chosen


@pytest.mark.parametrize(("metric", "chosen"), [("accuracy", 1.0), ("f1", 4.0)])
def test_rates_are_compared_by_the_metric(metric: metrics.Metric, chosen: float) -> None:
    # Two of class 1 missed: accuracy 3/4, F1 2/3. Three of class 0 taken for class 1: 5/8 and 8/11.
    assert problem().validation.tolist() == [0] * 4 + [1] * 4
    scores = {1.0: ([4, 5], 1.0), 4.0: ([0, 1, 2], 1.0)}
    found = tuned(made(scores), problem(), "sgd", Effort(steps=1), 0, list(scores), metric)
    assert found is not None
    assert found.rate == chosen
    assert found.validation[0] == pytest.approx({"accuracy": 3 / 4, "f1": 8 / 11}[metric])


@pytest.mark.parametrize("train", [network, linear])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_test_labels_play_no_part_in_training(train: Train, optimiser: str) -> None:
    tiny = problem()
    other = replace(tiny, test=1 - tiny.test)
    effort = Effort(steps=2, batch=4, rates=RATES)
    first, second = (tuned(train, each, optimiser, effort, 0, RATES[optimiser]) for each in (tiny, other))
    assert first is not None
    assert second is not None
    assert first.rate == second.rate
    np.testing.assert_array_equal(first.outputs, second.outputs)


def test_every_rate_is_tried_once_for_network_and_linear_model() -> None:
    tiny, effort = problem(), Effort(steps=1, batch=4, rates=RATES)
    for optimiser, rates in effort.rates.items():
        for train in (network, linear):
            tried: list[float] = []

            def counted(
                each: Problem, recipe: Recipe, train: Train = train, tried: list[float] = tried
            ) -> Ended:
                tried.append(recipe.learning_rate)
                return train(each, recipe)

            tuned(counted, tiny, optimiser, effort, 0, rates)
            expected = [rate * unit(tiny, optimiser) for rate in rates]
            np.testing.assert_allclose(tried, expected, rtol=1e-6)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_network_that_diverges_at_every_rate_gives_nothing(optimiser: str) -> None:
    tiny = problem(dtype=torch.float32)
    effort = Effort(steps=3, batch=4, rates={optimiser: (1e36,)})
    assert tuned(network, tiny, optimiser, effort, 0, (1e36,)) is None
    kept = tuned(network, tiny, optimiser, effort, 0, (1e36, 0.01))
    assert kept is not None
    assert (kept.rate, kept.diverged) == (0.01, 1)


def test_outputs_that_overflow_where_training_never_looked_count_as_divergence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overflows(_network: Network, _prepared: Prepared) -> torch.Tensor:
        raise CorruptFileError("logits that are not finite")

    monkeypatch.setattr(Network, "outputs_on", overflows)
    assert tuned(network, problem(), "sgd", Effort(steps=1), 0, (0.01,)) is None


def test_mean_loss_is_the_cross_entropy_of_the_softmax() -> None:
    logits = np.array([[0.0, 1.0, 3.0], [2.0, -1.0, 0.0]])
    labels = np.array([2, 1])
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(chances[[0, 1], labels]).mean()
    assert mean_loss(logits @ contrasts(3), labels) == pytest.approx(expected)
