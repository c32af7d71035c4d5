"""What a student computes on one input, and the gradients of its squared error for u^ and c^.

Both students are sums over rows of lambda_i times a function of <w_i, x> and q = <u^, x>. The gradient of f^
for u^ is s x - sum_i kappa_i w_i, up to multiples of u^, with numbers s and kappa_i that depend on x through
these alone.
"""

from dataclasses import dataclass

import numpy as np

from lintune.teacher.problem import Problem


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a student makes of one input per instance.

    Attributes:
        value: `(I,)` f^(x).
        pull: `(I,)` s, the part of x in the gradient for u^.
        inner: `(I, k)` what the activation is given.
        slopes: `(I, k)` lambda_i times its derivative there, over the norm of the row.
    """

    value: np.ndarray
    pull: np.ndarray
    inner: np.ndarray
    slopes: np.ndarray


class Network:
    """The student as it is, with rows w_i + xi c^_i u^ brought back to norm 1; u^ has norm 1."""

    def __init__(self, problem: Problem, c: np.ndarray, leaning: np.ndarray | float = 0.0) -> None:
        """Take the student's c.

        Args:
            problem: The instances.
            c: `(I, k)` c^.
            leaning: `(I, k)` <w_i, u^>; 0 for u^ outside the span.
        """
        self._problem = problem
        self._leaning = leaning
        self._change = problem.xi[:, None] * c
        self._norms = np.sqrt(1 + self._change * (self._change + 2 * leaning))
        self._readout = problem.readout / self._norms

    def __call__(self, base: np.ndarray, q: np.ndarray) -> Outputs:
        """Return outputs for <w_i, x>, `(I, k)`, and <u^, x>, `(I,)`."""
        inner = (base + self._change * q[..., None]) / self._norms
        slopes = self._readout * self._problem.activation.slope(inner)
        value = np.vecdot(self._problem.readout, self._problem.activation.value(inner))
        return Outputs(value, np.vecdot(slopes, self._change), inner, slopes)

    def to_rows(self, found: Outputs) -> np.ndarray:
        """Return kappa, `(I, k)`: as u^ moves in the span, the norms of the rows change."""
        return np.asarray(found.slopes * self._change * found.inner / self._norms)

    def to_c(self, found: Outputs, q: np.ndarray) -> np.ndarray:
        """Return the gradient of f^ for c^, `(I, k)`; the part of x along a row has no effect."""
        along = found.inner / self._norms * (self._leaning + self._change)
        return np.asarray(found.slopes * (q[..., None] - along) * self._problem.xi[:, None])


class Linear:
    """The network linear in its weights, at the base network: f + sum_i lambda_i sigma'(<w_i, x>) xi c^_i q.

    For u^ outside the span the norms of the rows do not change to first order.
    """

    def __init__(self, problem: Problem, c: np.ndarray, leaning: np.ndarray | float = 0.0) -> None:
        """Take the student's c; `leaning` is of no matter, since u^ is outside the span."""
        del leaning
        self._problem = problem
        self._change = problem.xi[:, None] * c

    def __call__(self, base: np.ndarray, q: np.ndarray) -> Outputs:
        """Return outputs for <w_i, x>, `(I, k)`, and <u^, x>, `(I,)`."""
        slopes = self._problem.readout * self._problem.activation.slope(base)
        pull = np.vecdot(slopes, self._change)
        value = np.vecdot(self._problem.readout, self._problem.activation.value(base)) + pull * q
        return Outputs(value, pull, base, slopes)

    def to_rows(self, found: Outputs) -> np.ndarray:
        """Return zeros: the rows do not lean."""
        return np.zeros_like(found.slopes)

    def to_c(self, found: Outputs, q: np.ndarray) -> np.ndarray:
        """Return the gradient of f^ for c^, `(I, k)`."""
        return np.asarray(found.slopes * self._problem.xi[:, None] * q[..., None])


FORMS: dict[str, type[Network] | type[Linear]] = {"network": Network, "linear": Linear}
