"""Training with one learning rate, and the choice among several."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm

from lintune import metrics
from lintune.cli.finetuning.problem import Part, Problem, recipe_of
from lintune.cli.finetuning.request import Request
from lintune.descent import CrossEntropy, Recipe, Vector, descend, loss_for
from lintune.errors import CorruptFileError, DivergedError
from lintune.finetune import Network, shares
from lintune.kernels import AsymmetricSignGD, contrast_kernels, contrasts
from lintune.studies.behaviour import Effort


@dataclass(frozen=True, eq=False)
class Run:
    """A training run.

    Attributes:
        rate: The learning rate.
        values: The trained tensors at the end, by `layer:name`.
        losses: Mean loss of the examples that each step saw, before it, and once more at the end.
        seconds: Wall time of a step.
    """

    rate: float
    values: Vector
    losses: list[float]
    seconds: float


@dataclass(frozen=True)
class Trial:
    """What a learning rate came to on the validation examples.

    Attributes:
        rate: The learning rate.
        score: Score of the validation examples; None where training diverged.
        loss: Their mean cross-entropy; None likewise.
    """

    rate: float
    score: float | None
    loss: float | None


def train(problem: Problem, recipe: Recipe, what: str) -> Run:
    """Train once, with a progress bar.

    Raises:
        DivergedError: The loss or the outputs leave the finite numbers.
    """
    labels = problem.train.examples.labels
    network = Network(problem.attached, problem.train.prepared)
    loss = loss_for(recipe.loss, labels, len(problem.task.classes))
    steps = descend(network, loss, recipe, problem.attached.penalty)
    losses, began = [], time.monotonic()
    for step in tqdm(steps, total=recipe.steps + 1, desc=what, unit="step", leave=False):
        losses.append(step.loss / len(labels))
    seconds = (time.monotonic() - began) / recipe.steps
    values = {name: value.detach() for name, value in network.values.items()}
    return Run(recipe.learning_rate, values, losses, seconds)


def measured(problem: Problem, values: Vector, part: Part) -> tuple[float, float]:
    """Return the score of examples and their mean cross-entropy.

    Raises:
        DivergedError: The outputs are not finite.
    """
    try:
        outputs = shares.outputs_on(problem.attached, values, part.prepared).double().cpu()
    except CorruptFileError as error:  # they were finite at the start
        raise DivergedError("outputs are not finite after training.") from error
    labels, count = part.examples.labels, len(problem.task.classes)
    predicted = (outputs.numpy() @ contrasts(count).T).argmax(axis=1)
    loss = CrossEntropy(labels, count).value(outputs, torch.arange(len(labels)))
    return metrics.score(problem.task.metric, labels, predicted), float(loss) / len(labels)


def searched(problem: Problem, request: Request, validation: Part) -> tuple[Run, list[Trial]]:
    """Train with each of a few learning rates; return the best run on the validation examples.

    Ties go to the lower validation loss.

    Raises:
        DivergedError: Training diverges with each.
    """
    trials: list[Trial] = []
    best: tuple[tuple[float, float], Run] | None = None
    rates = candidates(problem, request.optimizer)
    for number, rate in enumerate(rates, start=1):
        try:
            run = train(problem, recipe_of(request, rate), f"rate {number} of {len(rates)}")
            score, loss = measured(problem, run.values, validation)
        except DivergedError:
            trials.append(Trial(rate, None, None))
            continue
        trials.append(Trial(rate, score, loss))
        if best is None or (score, -loss) > best[0]:
            best = (score, -loss), run
    if best is None:
        raise DivergedError(f"training diverged with each of the learning rates {list(rates)}.")
    return best[1], trials


def candidates(problem: Problem, optimiser: str) -> Sequence[float]:
    """Return learning rates to try, on the scale of what a step does to the outputs.

    The unit is that of `lintune.studies.behaviour.Effort`: for `sgd` one over the largest eigenvalue of the
    method's tangent kernel, for `adam` and `signgd` one over the mean 1-norm of an output's gradient.
    """
    method = problem.method if optimiser == "sgd" else AsymmetricSignGD(problem.method)
    kernels = contrast_kernels(
        problem.attached.prompted, problem.train.examples, methods={"one": method}, by_layer=False
    )
    gram = kernels.train["one"].total()
    if optimiser == "sgd":
        size = gram.shape[0] * gram.shape[1]
        scale = float(np.linalg.eigvalsh(gram.reshape(size, size))[-1])
    else:
        scale = float(np.einsum("icic->ic", gram).mean())
    return tuple(rate / scale for rate in Effort().rates[optimiser])
