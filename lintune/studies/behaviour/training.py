"""Training a network or its linearisation by the same recipes, the rate chosen on validation examples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lintune import metrics
from lintune.descent import CrossEntropy, Recipe, Vector, World, descend, difference, loss_for
from lintune.errors import CorruptFileError, DivergedError
from lintune.finetune import Network
from lintune.kernels import contrasts
from lintune.linearized import Dual, LinearModel
from lintune.studies.behaviour.plan import Effort
from lintune.studies.behaviour.problem import ASYMMETRIC, SGD, Problem

# The kernel whose diagonal says how far a step of an optimiser moves an output.
_SCALE = {"sgd": SGD, "signgd": ASYMMETRIC, "adam": ASYMMETRIC}


@dataclass(frozen=True, eq=False)
class Trained:
    """A run.

    Attributes:
        train: Contrasts `(n, k)` of the training examples in the end.
        outputs: Contrasts `(v + m, k)` of the validation and test examples in the end.
        displacement: theta - theta_0; None where it was never formed.
        rate: The learning rate, in the units of `Effort`.
        validation: Score of the validation examples in the end, and minus their mean cross-entropy.
        diverged: At how many of the rates that were tried training diverged.
    """

    train: np.ndarray
    outputs: np.ndarray
    displacement: Vector | None
    rate: float
    validation: tuple[float, float]
    diverged: int = 0


# The outputs of the training examples and of the others in the end, and the displacement.
Ended = tuple[np.ndarray, np.ndarray, Vector | None]
Train = Callable[[Problem, Recipe], Ended]


def tuned(
    train: Train,
    problem: Problem,
    optimiser: str,
    effort: Effort,
    seed: int,
    rates: Sequence[float],
    metric: metrics.Metric = "accuracy",
) -> Trained | None:
    """Train with every rate and return the run that scores best on the validation examples.

    Ties go to the lower validation loss. None if training diverges at every rate.

    Args:
        train: `network` or `linear`.
        problem: What is trained.
        optimiser: `sgd`, `signgd` or `adam`.
        effort: Steps and batches.
        seed: Of the order of the examples.
        rates: Candidates, in the units of `Effort`.
        metric: The task's.
    """
    unit, found = _unit(problem, optimiser), []
    for rate in rates:
        recipe = Recipe(
            rate * unit,
            effort.steps,
            loss="cross-entropy",
            optimiser=optimiser,  # type: ignore[arg-type]
            batch=effort.batch,
            seed=seed,
        )
        try:
            inner, outputs, displacement = train(problem, recipe)
        except DivergedError:
            continue
        held_out, labels = outputs[: len(problem.validation)], problem.validation
        valued = (metrics.score(metric, labels, classes(held_out)), -mean_loss(held_out, labels))
        found.append(Trained(inner, outputs, displacement, rate, valued))
    if not found:
        return None
    best = max(found, key=lambda run: run.validation)
    return replace(best, diverged=len(rates) - len(found))


def network(problem: Problem, recipe: Recipe) -> Ended:
    """Train the network."""
    world = Network(problem.attached, problem.train)
    _run(world, problem, recipe)
    try:
        inner, outer = (world.outputs_on(each) for each in (problem.train, problem.others))
    except CorruptFileError as error:  # the outputs were finite at the start
        raise DivergedError(f"outputs are not finite after {recipe}.") from error
    return _numbers(inner, recipe), _numbers(outer, recipe), difference(world.values, world.start)


def linear(problem: Problem, recipe: Recipe) -> Ended:
    """Train the linearised model: in the dual where the optimiser allows it, else in the parameters."""
    if recipe.optimiser == "sgd":
        dual = Dual(problem.gram(SGD), problem.train_start)
        _run(dual, problem, recipe)
        outer = dual.outputs_on(problem.cross(SGD), problem.start)
        return _numbers(dual.outputs(), recipe), _numbers(outer, recipe), None
    world = LinearModel(problem.attached.start, problem.tangent)
    _run(world, problem, recipe)
    away = difference(world.values, world.start)
    train, others = (
        _numbers(torch.stack(tangent.pushed(away)).sum(dim=0), recipe)
        for tangent in (problem.tangent, problem.other_tangent)
    )
    return train, others, away


def classes(outputs: np.ndarray) -> np.ndarray:
    """Return the classes `(n,)` of contrasts `(n, k)`."""
    return np.asarray((outputs @ contrasts(outputs.shape[1] + 1).T).argmax(axis=1))


def mean_loss(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross-entropy of contrasts `(n, k)`."""
    loss = CrossEntropy(labels, outputs.shape[1] + 1)
    return float(loss.value(torch.as_tensor(outputs), torch.arange(len(labels)))) / len(labels)


def _run(world: World, problem: Problem, recipe: Recipe) -> None:
    loss = loss_for(recipe.loss, problem.labels, problem.attached.prompted.classes)
    for _ in descend(world, loss, recipe):
        pass


def _numbers(outputs: torch.Tensor, recipe: Recipe) -> np.ndarray:
    """Return outputs as float64 on the CPU; a run whose outputs are not finite has diverged."""
    found = outputs.double().cpu().numpy()
    if not np.isfinite(found).all():
        raise DivergedError(f"outputs are not finite after {recipe}.")
    return np.asarray(found)


def _unit(problem: Problem, optimiser: str) -> float:
    """Return the learning rate that counts as 1."""
    gram = problem.gram(_SCALE[optimiser])
    if optimiser == "sgd":
        size = gram.shape[0] * gram.shape[1]
        return 1 / float(np.linalg.eigvalsh(gram.reshape(size, size))[-1])
    return 1 / float(np.einsum("icic->ic", gram).mean())
