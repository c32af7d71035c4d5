"""The same descent written out in R^d, one instance at a time: slow, and easy to believe."""

from dataclasses import dataclass

import numpy as np

from lintune.teacher.activations import Activation


@dataclass(eq=False)
class Direct:
    """A teacher and a student in R^d.

    Attributes:
        rows: `(k, d)` W, rows of norm 1.
        readout: `(k,)` lambda.
        c: `(k,)`, u: `(d,)` the teacher's change, both of norm 1.
        c_hat: `(k,)`, u_hat: `(d,)` the student's.
        xi: Size of the change.
        activation: sigma.
    """

    rows: np.ndarray
    readout: np.ndarray
    c: np.ndarray
    u: np.ndarray
    c_hat: np.ndarray
    u_hat: np.ndarray
    xi: float
    activation: Activation

    def value(self, x: np.ndarray, c: np.ndarray, u: np.ndarray) -> float:
        """Return sum_i lambda_i sigma of the normalised rows, at one input."""
        return float(self.readout @ self.activation.value(self._rows(c, u) @ x))

    def gradients(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients of the squared error for u^ `(d,)` and c^ `(k,)`, norms of rows included."""
        raw = self.rows + self.xi * np.outer(self.c_hat, self.u_hat)
        norms = np.linalg.norm(raw, axis=1)
        rows = raw / norms[:, None]
        inner = rows @ x
        error = 2 * (self.readout @ self.activation.value(inner) - self.value(x, self.c, self.u))
        slope = self.readout * self.activation.slope(inner) / norms
        by_row = slope[:, None] * (x - inner[:, None] * rows)
        return error * self.xi * self.c_hat @ by_row, error * self.xi * by_row @ self.u_hat

    def step(self, x: np.ndarray, rate: float, c_rate: float = 0.0, *, outside: bool = True) -> None:
        """Take one step of projected descent.

        Args:
            x: `(d,)` the input.
            rate: Step size for u^.
            c_rate: Step size for c^.
            outside: Whether u^ stays orthogonal to the rows.
        """
        to_u, to_c = self.gradients(x)
        if outside:
            basis = np.linalg.qr(self.rows.T)[0]
            to_u = to_u - basis @ (basis.T @ to_u)
        self.u_hat = _on_sphere(self.u_hat, to_u, rate)
        if c_rate:
            self.c_hat = _on_sphere(self.c_hat, to_c, c_rate)

    def _rows(self, c: np.ndarray, u: np.ndarray) -> np.ndarray:
        raw = self.rows + self.xi * np.outer(c, u)
        return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def _on_sphere(point: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
    moved = point - rate * (gradient - (gradient @ point) * point)
    return np.asarray(moved / np.linalg.norm(moved))
