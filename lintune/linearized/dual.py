"""The linearised model in the dual: training runs from Gram matrices alone, exactly.

Gradients of the linear model lie in the span of the training examples' tangents, and so does the pull to
the start: theta_t - theta_0 = J^T alpha_t at every step of (stochastic, mini-batch, momentum) gradient
descent. The run of the n (C - 1) numbers alpha_t is that of the p numbers theta_t.
"""

import numpy as np
import torch

from lintune.descent import Loss, Vector
from lintune.errors import InputError


class Dual:
    """The linearised model of n training examples, to be trained in its coefficients alpha.

    Attributes:
        values: `alpha` `(n, C - 1)`, float64; moved in place by training.
        start: Zeros.
        in_coordinates: False: `alpha` stands for J^T alpha.
    """

    in_coordinates = False

    def __init__(self, gram: np.ndarray, outputs: np.ndarray) -> None:
        """Start from nothing learnt.

        Args:
            gram: `(n, C - 1, n, C - 1)` tangent kernel of the training examples.
            outputs: f0 `(n, C - 1)`, their outputs at the start, contrasts of logits.

        Raises:
            InputError: The shapes do not fit, or there are numbers that are not finite.
        """
        if gram.shape != outputs.shape * 2:
            raise InputError(f"gram of shape {gram.shape} must be {outputs.shape * 2} for these outputs.")
        if not (np.isfinite(gram).all() and np.isfinite(outputs).all()):
            raise InputError("gram and outputs must be finite.")
        self._gram = torch.as_tensor(gram, dtype=torch.float64)
        self._outputs = torch.as_tensor(outputs, dtype=torch.float64)
        self.values = {"alpha": torch.zeros_like(self._outputs)}
        self.start = {"alpha": torch.zeros_like(self._outputs)}

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        """Return the outputs of some examples and the gradient of their loss, as coefficients."""
        outputs = self._outputs[rows] + torch.tensordot(self._gram[rows], self.values["alpha"], 2)
        coefficients = torch.zeros_like(self._outputs)
        coefficients[rows] = loss.slope(outputs, rows)
        return outputs, {"alpha": coefficients}

    def inner(self, left: Vector, right: Vector) -> float:
        """Return the inner product of the two vectors of parameter space that the coefficients stand for."""
        return float((left["alpha"] * torch.tensordot(self._gram, right["alpha"], 2)).sum())

    def outputs(self) -> torch.Tensor:
        """Return the outputs `(n, C - 1)` of the training examples now."""
        return self._outputs + torch.tensordot(self._gram, self.values["alpha"], 2)

    def outputs_on(self, cross: np.ndarray, outputs: np.ndarray) -> torch.Tensor:
        """Return the outputs `(m, C - 1)` of other examples now.

        Args:
            cross: `(n, C - 1, m, C - 1)` kernel between training and other examples.
            outputs: `(m, C - 1)` their outputs at the start.
        """
        change = np.tensordot(self.values["alpha"].numpy(), cross, 2)
        return torch.as_tensor(outputs + change)

    def drift(self) -> float:
        """Return ||theta - theta_0||."""
        return max(self.inner(self.values, self.values), 0.0) ** 0.5
