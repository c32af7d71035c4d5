"""What training lowers: losses of contrasts of logits, summed over examples.

A network's outputs enter as contrasts `(b, C - 1)`, all that a softmax can see of C logits.
"""

from typing import Literal, Protocol

import numpy as np
import torch

from lintune.errors import InputError, unknown_name
from lintune.prompted import contrasts

LossName = Literal["squared", "cross-entropy"]


class Loss(Protocol):
    """A loss of the n training examples.

    Attributes:
        n: Number of examples.
        basis: `(C, C - 1)` orthonormal contrasts.
        labels: `(n,)` classes.
    """

    n: int
    basis: torch.Tensor
    labels: torch.Tensor

    def value(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the sum of the losses of the examples `rows` `(b,)` with outputs `(b, C - 1)`."""
        ...

    def slope(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the derivative of `value` for the outputs, `(b, C - 1)`."""
        ...


class _OfLabels:
    """Labels and the contrasts of their classes."""

    def __init__(self, labels: np.ndarray, classes: int) -> None:
        """Check the labels.

        Args:
            labels: `(n,)` classes from 0 to C - 1.
            classes: Number of classes C.

        Raises:
            InputError: No examples, or a label out of range.
        """
        found = np.unique(labels)
        if not len(found) or found[0] < 0 or found[-1] >= classes:
            raise InputError(f"labels={found.tolist()} must be classes from 0 to {classes - 1}.")
        self.n = len(labels)
        self.labels = torch.tensor(labels)
        self.basis = torch.as_tensor(contrasts(classes))


class Squared(_OfLabels):
    """Half the squared distance to the contrasts of the one-hot labels."""

    def value(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return 1/2 ||f - y||^2 over the examples."""
        return self.slope(outputs, rows).square().sum() / 2

    def slope(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return f - y."""
        return outputs - self.targets(rows).to(outputs)

    def targets(self, rows: torch.Tensor) -> torch.Tensor:
        """Return y `(b, C - 1)`, float64: the contrasts of the one-hot labels."""
        return self.basis[self.labels[rows]]


class CrossEntropy(_OfLabels):
    """Minus the log probability of the label under the softmax over the label words."""

    def value(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the sum of -log p(label)."""
        logits = outputs @ self.basis.to(outputs).T
        return torch.nn.functional.cross_entropy(
            logits, self.labels[rows].to(outputs.device), reduction="sum"
        )

    def slope(self, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the contrasts of p - one-hot label."""
        basis = self.basis.to(outputs)
        return (outputs @ basis.T).softmax(dim=1) @ basis - basis[self.labels[rows].to(outputs.device)]


LOSSES: dict[str, type[Squared] | type[CrossEntropy]] = {"squared": Squared, "cross-entropy": CrossEntropy}


def loss_for(name: str, labels: np.ndarray, classes: int) -> Loss:
    """Return the loss of a name for some labels.

    Raises:
        InputError: There is no such loss, no example, or a label out of range.
    """
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    return LOSSES[name](labels, classes)
