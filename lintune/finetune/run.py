"""A fine-tuning run, and at every step what tells it from its linear twin."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
import torch
from tqdm.auto import tqdm

from lintune.descent import Loss, Recipe, Step, Vector, descend, difference, loss_for, norm
from lintune.errors import InputError
from lintune.finetune.curvature import Curvature
from lintune.finetune.network import Network
from lintune.finetune.twin import Twin, twin_of
from lintune.kernels import TangentKernels
from lintune.methods import Method
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.tasks import Examples


@dataclass(frozen=True)
class Trajectory:
    """What a run went through.

    Attributes:
        rows: One row per measured step: `step`; `loss` of the training set; `objective`, the loss with
            the pull's penalty; `pulled`; `accuracy`; `test_loss`, the mean over the test examples, and
            `test_accuracy`; `drift` ||theta - theta_0||.
            With a twin: `twin_loss`, `twin_test_accuracy`, `twin_drift`; `gap`
            ||theta - theta_twin||; `train_gap` ||f - f_twin|| over the training examples; `test_gap`, the
            root mean square of f - f_twin over the test examples; `agreement`, the share of test
            examples that both classify alike. With curvature: see `lintune.finetune.curvature`.
        values: The trained parameters at the end, by `layer:name`.
        highest: The largest objective on the way, measured or not; with batches, as the batches saw it.
        farthest: The largest drift on the way.
    """

    rows: pd.DataFrame
    values: Vector
    highest: float
    farthest: float


def finetune(
    prompted: PromptedModel,
    method: Method,
    train: Examples,
    test: Examples,
    recipe: Recipe,
    *,
    at: Collection[int] | None = None,
    twin: bool | TangentKernels = True,
    curvature: Curvature | None = None,
    prepared: tuple[Attached, Prepared, Prepared] | None = None,
) -> Trajectory:
    """Fine-tune a prompted model with a method, beside its linearisation.

    The model is left as it is. Blocks under the lowest tuned one are run once for every example.

    Args:
        prompted: The function at the start.
        method: What is trained.
        train: n training examples, of two classes at least.
        test: m test examples.
        recipe: How to train.
        at: Steps to measure at, from 0 to `recipe.steps`; the last one always is. None for all.
        twin: Whether to train the linear twin along; or the kernels for it, of contrasts of the logits,
            among the training and with the test examples.
        curvature: What measures how the tangents turn, a Jacobian for every measured step; None for not.
        prepared: The method attached and both sets prepared, where several runs share them.

    Raises:
        InputError: Something does not fit, before training begins.
        DivergedError: The loss leaves the finite numbers; the message says where.
    """
    loss, test_loss = (loss_for(recipe.loss, each.labels, prompted.classes) for each in (train, test))
    if len(set(train.labels)) < 2:
        raise InputError(
            f"train holds the class {train.labels[0]} alone; training needs at least two classes."
        )
    wanted = set(range(recipe.steps + 1) if at is None else at) | {recipe.steps}
    if min(wanted) < 0 or max(wanted) > recipe.steps:
        raise InputError(f"at={sorted(wanted)} must be steps from 0 to {recipe.steps}.")
    if prepared is None:
        attached = Attached(prompted, method)
        prepared = attached, attached.prepare(train), attached.prepare(test)
    attached, ready, ready_test = prepared
    network = Network(attached, ready)
    beside = None
    if twin is not False:
        known = None if twin is True else twin
        beside = twin_of(attached, train, test, (ready, ready_test), recipe, known)
    ruler = _Ruler(network, loss, test_loss, recipe, ready, ready_test)
    rows, highest, farthest = [], 0.0, 0.0
    along = iter([None] * (recipe.steps + 1)) if beside is None else descend(beside.world, loss, recipe)
    steps = tqdm(
        descend(network, loss, recipe), total=recipe.steps + 1, desc="fine-tuning", unit="step", leave=False
    )
    for step, _ in zip(steps, along, strict=True):
        highest = max(highest, step.loss + ruler.penalty())
        farthest = max(farthest, ruler.drift())
        if step.number in wanted:
            row = ruler.measured(step, beside)
            rows.append(row if curvature is None else row | curvature.at(network.values))
    values = {name: value.detach() for name, value in network.values.items()}
    return Trajectory(pd.DataFrame(rows), values, highest, farthest)


class _Ruler:
    """Measures a run at a step."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        test_loss: Loss,
        recipe: Recipe,
        train: Prepared,
        test: Prepared,
    ) -> None:
        self._network = network
        self._loss = loss
        self._recipe = recipe
        self._train = train
        self._test = test
        self._test_loss = test_loss

    def drift(self) -> float:
        """Return ||theta - theta_0|| now."""
        return norm(difference(self._network.values, self._network.start))

    def penalty(self) -> float:
        """Return the pull's part of the objective now."""
        values = {name: value.detach() for name, value in self._network.values.items()}
        length = norm(values) if self._recipe.anchor == "zero" else self.drift()
        return self._recipe.strength / 2 * length**2

    def measured(self, step: Step, twin: Twin | None) -> dict[str, float]:
        """Return the row of a step."""
        whole = len(step.outputs) == self._loss.n and self._recipe.batch is None
        outputs = (step.outputs if whole else self._network.outputs_on(self._train)).double().cpu()
        test = self._network.outputs_on(self._test).double().cpu()
        away = difference(self._network.values, self._network.start)
        loss = _value(self._loss, outputs)
        row = {
            "step": step.number,
            "loss": loss,
            "objective": loss + self.penalty(),
            "pulled": step.pulled,
            "accuracy": _accuracy(self._loss, outputs),
            "test_loss": _value(self._test_loss, test) / self._test_loss.n,
            "test_accuracy": _accuracy(self._test_loss, test),
            "drift": norm(away),
        }
        return row if twin is None else row | self._beside(twin, outputs, test, away)

    def _beside(
        self, twin: Twin, outputs: torch.Tensor, test: torch.Tensor, away: Vector
    ) -> dict[str, float]:
        linear, linear_test, linear_away = twin.train_outputs(), twin.test_outputs(), twin.displacement()
        alike = _classes(self._loss, test) == _classes(self._loss, linear_test)
        return {
            "twin_loss": _value(self._loss, linear),
            "twin_test_accuracy": _accuracy(self._test_loss, linear_test),
            "twin_drift": norm(linear_away),
            "gap": norm(difference(away, linear_away)),
            "train_gap": float((outputs - linear).norm()),
            "test_gap": float((test - linear_test).square().mean().sqrt()),
            "agreement": float(alike.double().mean()),
        }


def _value(loss: Loss, outputs: torch.Tensor) -> float:
    return float(loss.value(outputs, torch.arange(loss.n)))


def _classes(loss: Loss, outputs: torch.Tensor) -> torch.Tensor:
    return (outputs @ loss.basis.T).argmax(dim=1)


def _accuracy(loss: Loss, outputs: torch.Tensor) -> float:
    return float((_classes(loss, outputs) == loss.labels).double().mean())
