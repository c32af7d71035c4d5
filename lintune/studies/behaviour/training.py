"""Training a network or its linearisation by the same recipes, the rate chosen on validation examples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lintune.descent import CrossEntropy, Recipe, Vector, World, descend, difference, loss_for
from lintune.errors import CorruptFileError, DivergedError
from lintune.finetune import Network
from lintune.kernels import contrasts
from lintune.linearized import Dual, LinearModel, TangentModel
from lintune.studies.behaviour.plan import Effort
from lintune.studies.behaviour.problem import ASYMMETRIC, SGD, Problem

# The kernel whose diagonal says how far a step of an optimiser moves an output.
_SCALE = {"sgd": SGD, "signgd": ASYMMETRIC, "adam": ASYMMETRIC}


@dataclass(frozen=True, eq=False)
class Trained:
    """A run.

    Attributes:
        outputs: Contrasts `(v + m, k)` of the validation and test examples in the end.
        displacement: theta - theta_0; None where it was never formed.
        rate: The learning rate, in the units of `Effort`.
        validation_loss: Mean cross-entropy of the validation examples in the end.
        diverged: At how many of the rates that were tried training diverged.
    """

    outputs: np.ndarray
    displacement: Vector | None
    rate: float
    validation_loss: float
    diverged: int = 0


Train = Callable[[Problem, Recipe], tuple[np.ndarray, Vector | None]]


def tuned(
    train: Train, problem: Problem, optimiser: str, effort: Effort, seed: int, rates: Sequence[float]
) -> Trained | None:
    """Train with every rate and return the run of lowest validation loss; None if all diverge.

    Args:
        train: `network` or `linear`.
        problem: What is trained.
        optimiser: `sgd`, `signgd` or `adam`.
        effort: Steps and batches.
        seed: Of the order of the examples.
        rates: Candidates, in the units of `Effort`.
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
            outputs, displacement = train(problem, recipe)
        except DivergedError:
            continue
        loss = mean_loss(outputs[: len(problem.validation)], problem.validation)
        found.append(Trained(outputs, displacement, rate, loss))
    if not found:
        return None
    best = min(found, key=lambda run: run.validation_loss)
    return replace(best, diverged=len(rates) - len(found))


def network(problem: Problem, recipe: Recipe) -> tuple[np.ndarray, Vector | None]:
    """Train the network; return the outputs of the other examples and the displacement."""
    world = Network(problem.attached, problem.train)
    _run(world, problem, recipe)
    try:
        outputs = world.outputs_on(problem.others).double().cpu().numpy()
    except CorruptFileError as error:  # the outputs were finite at the start
        raise DivergedError(f"outputs are not finite after {recipe}.") from error
    return outputs, difference(world.values, world.start)


def linear(problem: Problem, recipe: Recipe) -> tuple[np.ndarray, Vector | None]:
    """Train the linearised model: in the dual where the optimiser allows it, else by forward mode."""
    if recipe.optimiser == "sgd":
        start = problem.kernels.train_logits @ contrasts(problem.attached.prompted.classes)
        dual = Dual(problem.gram(SGD), start)
        _run(dual, problem, recipe)
        return dual.outputs_on(problem.cross(SGD), problem.start).numpy(), None
    world = LinearModel(problem.attached.start, problem.tangent)
    _run(world, problem, recipe)
    away = difference(world.values, world.start)
    start_outputs, change = TangentModel(problem.attached, problem.others).pushed(away)
    outputs = (start_outputs + change).double().cpu().numpy()
    if not np.isfinite(outputs).all():
        raise DivergedError(f"outputs are not finite after {recipe}.")
    return outputs, away


def mean_loss(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross-entropy of contrasts `(n, k)`."""
    loss = CrossEntropy(labels, outputs.shape[1] + 1)
    return float(loss.value(torch.as_tensor(outputs), torch.arange(len(labels)))) / len(labels)


def _run(world: World, problem: Problem, recipe: Recipe) -> None:
    loss = loss_for(recipe.loss, problem.labels, problem.attached.prompted.classes)
    for _ in descend(world, loss, recipe):
        pass


def _unit(problem: Problem, optimiser: str) -> float:
    """Return the learning rate that counts as 1."""
    gram = problem.gram(_SCALE[optimiser])
    if optimiser == "sgd":
        size = gram.shape[0] * gram.shape[1]
        return 1 / float(np.linalg.eigvalsh(gram.reshape(size, size))[-1])
    return 1 / float(np.einsum("icic->ic", gram).mean())
