"""What is measured of a fine-tuning run at a step, alone and against its linear twin."""

import torch

from lintune.descent import Loss, Recipe, Step, Vector, difference, loss_for, norm
from lintune.finetune.network import Network
from lintune.finetune.setup import Setup
from lintune.finetune.twin import Twin


class Ruler:
    """Measures a run at a step."""

    def __init__(self, setup: Setup, network: Network, loss: Loss, recipe: Recipe) -> None:
        """Measure a network while it is trained.

        Args:
            setup: Where it comes from.
            network: The network.
            loss: Its loss on the training examples.
            recipe: How it is trained.
        """
        classes = setup.attached.prompted.classes
        self._network = network
        self._own_penalty = setup.attached.penalty
        self._loss = loss
        self._test_loss = loss_for(recipe.loss, setup.split.test.labels, classes)
        self._recipe = recipe
        self._train = setup.train
        self._test = setup.test

    def drift(self) -> float:
        """Return ||theta - theta_0|| now."""
        return norm(difference(self._network.values, self._network.start))

    def penalty(self, drift: float) -> float:
        """Return what the objective adds to the loss now: the method's own penalty, and the pull's.

        A projection descends no objective of its own.

        Args:
            drift: What `drift` returns now.
        """
        values = {name: value.detach() for name, value in self._network.values.items()}
        own = 0.0 if self._own_penalty is None else float(self._own_penalty(values))
        if not self._recipe.strength or self._recipe.pull == "projection":
            return own
        length = norm(values) if self._recipe.anchor == "zero" else drift
        return own + self._recipe.strength / 2 * length**2

    def measured(self, step: Step, twin: Twin | None) -> dict[str, float]:
        """Return the row of a step."""
        whole = len(step.outputs) == self._loss.n and self._recipe.batch is None
        outputs = (step.outputs if whole else self._network.outputs_on(self._train)).double().cpu()
        test = self._network.outputs_on(self._test).double().cpu()
        away = difference(self._network.values, self._network.start)
        loss, drift = _value(self._loss, outputs), norm(away)
        row = {
            "step": step.number,
            "loss": loss,
            "objective": loss + self.penalty(drift),
            "pulled": step.pulled,
            "accuracy": _accuracy(self._loss, outputs),
            "test_loss": _value(self._test_loss, test) / self._test_loss.n,
            "test_accuracy": _accuracy(self._test_loss, test),
            "drift": drift,
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
