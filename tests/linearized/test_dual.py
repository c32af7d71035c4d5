"""One run in the dual, on stored features and in the parameters; and where it ends."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from lintune import models, tasks
from lintune.descent import Recipe, World, descend, difference, loss_for, norm
from lintune.errors import InputError
from lintune.kernels import flat, tangent_kernels
from lintune.linearized import Dual, Features, Primal, TangentModel, jacobian
from lintune.methods import LoRA, Method, Rows
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.regression import ridge_outputs
from lintune.tasks import Examples
from tests.kernels.test_engine import TEXTS, examples, function

LABELS = np.array([0, 1, 2, 1, 0])
OTHERS = ("the film was not bad", "long and sad")
STRENGTH = 0.1  # over the largest eigenvalue


class Problem:
    """Five texts of three classes, the method's kernel, and the linear model three ways."""

    def __init__(self, name: str, method: Method) -> None:
        self.train = Examples(examples(TEXTS).fields, LABELS)
        self.attached = Attached(function(name), method)
        self.prepared: Prepared = self.attached.prepare(self.train)
        basis = self.attached.basis.numpy()
        kernels = tangent_kernels(
            self.attached.prompted, self.train, examples(OTHERS), methods=[method], outputs=basis
        )
        self.gram, self.cross = (
            kernels.train[method.name].total(),
            kernels.cross[method.name].total(),
        )
        self.start, self.others = kernels.train_logits @ basis, kernels.cross_logits @ basis
        self.largest = float(np.linalg.eigvalsh(flat(self.gram))[-1])

    def recipe(self, **changed: object) -> Recipe:
        usual = Recipe(
            learning_rate=0.5 / self.largest / (1 + STRENGTH),
            steps=12,
            strength=STRENGTH * self.largest,
        )
        return replace(usual, **changed)  # type: ignore[arg-type]

    def dual(self) -> Dual:
        return Dual(self.gram, self.start)

    def features(self) -> Features:
        outputs = torch.as_tensor(self.start)
        return Features(self.attached.start, jacobian(self.attached, self.prepared), outputs)

    def primal(self) -> Primal:
        return Primal(self.attached, self.prepared)

    def run(self, world: World, recipe: Recipe) -> Iterator[torch.Tensor]:
        """Train, yielding what the run sees at each step: outputs, loss, whether it was pulled."""
        for step in descend(world, loss_for(recipe.loss, LABELS, 3), recipe):
            yield torch.cat(
                [
                    step.outputs.flatten().double(),
                    torch.tensor([step.loss, float(step.pulled)], dtype=torch.float64),
                ]
            )


def all_close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


RECIPES: list[dict[str, object]] = [
    {"strength": 0.0},
    {},
    {"pull": "selective"},
    {"momentum": 0.8},
    {"batch": 2, "seed": 3, "learning_rate": None},
    {"batch": 3, "momentum": 0.5, "pull": "selective", "learning_rate": None},
    {"loss": "cross-entropy"},
    {"loss": "cross-entropy", "momentum": 0.9, "batch": 2, "learning_rate": None},
]


@pytest.mark.parametrize("given", RECIPES, ids=str)
@pytest.mark.parametrize("name", ["gpt2-conv1d", "bert"])
def test_the_three_ways_are_one_run(name: str, given: dict[str, object]) -> None:
    problem = Problem(name, LoRA(rank=2, targets=None))
    if "learning_rate" in given:  # a batch's loss is scaled up, so its kernel is up to n / b times as large
        given = given | {"learning_rate": 0.1 / problem.largest}
    recipe = problem.recipe(**given)
    dual, features, primal = problem.dual(), problem.features(), problem.primal()
    runs = [torch.stack(list(problem.run(world, recipe))) for world in (dual, features, primal)]
    assert float((runs[0][-1] - runs[0][0]).abs().max()) > 0.01
    all_close(runs[1], runs[0])
    all_close(runs[2], runs[0])
    away = [difference(world.values, world.start) for world in (features, primal)]
    away.append(TangentModel(problem.attached, problem.prepared).pulled(dual.values["alpha"]))
    for displacement in away[1:]:
        assert norm(difference(displacement, away[0])) < 1e-10 * norm(away[0])
    assert dual.drift() == pytest.approx(norm(away[0]), rel=1e-10)


@pytest.mark.parametrize("pull", ["always", "selective", "projection"])
def test_adam_is_one_run_in_the_parameters_and_on_features(pull: str) -> None:
    problem = Problem("gpt2-conv1d", Rows(1))
    recipe = problem.recipe(optimiser="adam", learning_rate=0.01, pull=pull)
    features, primal = problem.features(), problem.primal()
    runs = [torch.stack(list(problem.run(world, recipe))) for world in (features, primal)]
    all_close(runs[1], runs[0])
    away, other = (difference(world.values, world.start) for world in (features, primal))
    assert norm(difference(away, other)) < 1e-10 * norm(away)


@pytest.mark.parametrize(
    "given", [{"optimiser": "adam"}, {"pull": "projection"}, {"anchor": "zero"}], ids=str
)
def test_what_leaves_the_span_is_refused(given: dict[str, object]) -> None:
    problem = Problem("gpt2-conv1d", LoRA(rank=2, targets=None))
    with pytest.raises(InputError, match="span of the gradients"):
        next(problem.run(problem.dual(), problem.recipe(**given)))


def test_outputs_of_others_are_those_of_the_parameters() -> None:
    problem = Problem("bert", Rows(2))
    dual, features = problem.dual(), problem.features()
    for world in (dual, features):
        list(problem.run(world, problem.recipe()))
    there = problem.attached.prepare(examples(OTHERS))
    found = dual.outputs_on(problem.cross, problem.others)
    expected = features.outputs_on(jacobian(problem.attached, there), torch.as_tensor(problem.others))
    all_close(found, expected)
    start, change = TangentModel(problem.attached, there).pushed(difference(features.values, features.start))
    all_close(found, start + change)
    training = dual.outputs_on(problem.gram, problem.start)
    all_close(training, dual.outputs())


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_end_is_kernel_ridge_regression(momentum: float) -> None:
    problem = Problem("opt", LoRA(rank=2, targets=None))
    dual, recipe = problem.dual(), problem.recipe(steps=400, momentum=momentum)
    list(problem.run(dual, recipe))
    loss = loss_for("squared", LABELS, 3)
    residual = (loss.basis.numpy()[LABELS] - problem.start).ravel()
    learnt = ridge_outputs(flat(problem.gram), residual, recipe.strength).reshape(5, 2)
    all_close(dual.outputs(), torch.as_tensor(problem.start + learnt))
    learnt = ridge_outputs(flat(problem.gram), residual, recipe.strength, flat(problem.cross)).reshape(2, 2)
    all_close(dual.outputs_on(problem.cross, problem.others), torch.as_tensor(problem.others + learnt))


@pytest.mark.parametrize(
    ("gram", "outputs", "message"),
    [
        (np.eye(4).reshape(2, 2, 2, 2), np.zeros((2, 1)), r"must be \(2, 1, 2, 1\)"),
        (np.full((2, 1, 2, 1), np.nan), np.zeros((2, 1)), "must be finite"),
        (np.zeros((2, 1, 2, 1)), np.array([[0.0], [np.inf]]), "must be finite"),
    ],
)
def test_kernels_that_do_not_fit_are_refused(gram: np.ndarray, outputs: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Dual(gram, outputs)


@pytest.mark.slow
def test_the_dual_is_the_trained_linear_model_of_smollm2() -> None:
    """In float64: in float32 the two agree to a few 1e-6 at best, with little room below the bound."""
    task = tasks.load("mr")
    lengths = np.array([len(fields["text"]) for fields in task.train.fields])
    short = [np.flatnonzero((task.train.labels == label) & (lengths < 45))[:4] for label in (0, 1)]
    train = task.train.take(np.concatenate(short))
    prompted = PromptedModel(models.load("smollm2-135m", dtype=torch.float64), task.prompt)
    method = LoRA(rank=8, targets=("model.layers.29.*",))
    attached = Attached(prompted, method)
    prepared, basis = attached.prepare(train), attached.basis.numpy()
    kernels = tangent_kernels(prompted, train, methods=[method], outputs=basis, by_layer=False)
    gram = kernels.train[method.name].total()
    largest = float(np.linalg.eigvalsh(flat(gram))[-1])
    recipe = Recipe(0.5 / largest, steps=200, strength=0.01 * largest, momentum=0.5, batch=4)
    dual, primal, loss = (
        Dual(gram, kernels.train_logits @ basis),
        Primal(attached, prepared),
        loss_for("squared", train.labels, 2),
    )
    runs = [torch.stack([step.outputs for step in descend(w, loss, recipe)]) for w in (dual, primal)]
    assert (runs[0] - runs[1]).flatten(1).norm(dim=1).max() <= 1e-5 * runs[0][0].norm()
    away = difference(primal.values, primal.start)
    there = primal.tangent.pulled(dual.values["alpha"])
    assert norm(difference(away, there)) <= 1e-5 * norm(away)
