"""What a solver is, and the function that most of them fit."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lintune.kernels import flat
from lintune.solvers.arguments import check_cross


class Fitted(Protocol):
    """A classifier that has been fitted on a kernel."""

    def scores(self, cross: np.ndarray, logits: np.ndarray, flipped: np.ndarray | None = None) -> np.ndarray:
        """Return class scores `(m, C)`; the largest is the prediction.

        Args:
            cross: `(n, k, m, k)` kernel between training and new examples.
            logits: `(m, C)` pretrained logits of the new examples.
            flipped: `(m, k, n, k)` the same with the new examples as rows, for solvers that look both ways
                along an asymmetric kernel; others do not read it.
        """
        ...


class Solver(Protocol):
    """A way to fit a classifier on a kernel, its hyper-parameters set."""

    @property
    def name(self) -> str:
        """What kind of solver it is, as a key of `CANDIDATES`."""
        ...

    def fit(self, kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> Fitted:
        """Fit to training examples.

        Args:
            kernel: `(n, k, n, k)` kernel of the contrasts of the training examples, k = C - 1.
            logits: `(n, C)` their pretrained logits.
            labels: `(n,)` classes from 0 to C-1.
        """
        ...


@dataclass(frozen=True)
class Expansion:
    """The function offset f0(x) + sum_i K[i, x]^T c_i on contrasts of logits.

    Attributes:
        basis: `(C, k)` contrasts.
        dual: `(n, k)` dual coefficients c.
        offset: Factor on the pretrained answer.
    """

    basis: np.ndarray
    dual: np.ndarray
    offset: float

    def scores(self, cross: np.ndarray, logits: np.ndarray, flipped: np.ndarray | None = None) -> np.ndarray:
        """Return class scores `(m, C)`; the largest is the prediction.

        Args:
            cross: `(n, k, m, k)` kernel between training and new examples.
            logits: `(m, C)` pretrained logits of the new examples.
            flipped: Not read.

        Raises:
            InputError: Shapes do not fit, or the kernel is not finite.
        """
        n, k = self.dual.shape
        check_cross(cross, logits, (n, k), "cross")
        learnt = (flat(cross).T @ self.dual.reshape(n * k)).reshape(len(logits), k)
        return np.asarray((self.offset * logits @ self.basis + learnt) @ self.basis.T)
