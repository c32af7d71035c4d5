"""Gradient flow and gradient descent of the linear model, in closed form."""

import numpy as np
from scipy import linalg

from lintune.errors import InputError
from lintune.regression.arguments import check_cross, check_semidefinite, check_strength, symmetric


class GradientFlow:
    """The linear model's path under squared loss with a pull to the start, at any time, from its kernel.

    Training minimises 1/2 ||f - y||^2 + lambda/2 ||theta - theta0||^2 (summed, not averaged) from theta0 by
    gradient flow, where t is time, or with `step` by gradient descent, where t counts steps. In eigenvectors
    of the kernel each mode goes its own way to its own end; after time t what is left of its distance is
    e^{-(l + lambda) t}, or (1 - step (l + lambda))^t. Under flow, and under descent with a step of at most
    1 / (l_max + lambda), loss and objective never rise and the drift never falls; with a larger step that
    is sure of the objective alone.

    Outputs are flat, N = n k numbers, those of an example side by side (see `lintune.kernels.flat`).
    Times are arrays of any shape `(...)`; `inf` is the end. All arrays are float64.

    Attributes:
        values: `(N,)` eigenvalues l of the kernel, descending; 0 where they are 0 up to rounding.
        vectors: `(N, N)` eigenvectors, as columns.
        coefficients: `(N,)` residual y - f0 along each eigenvector.
        strength: Lambda.
        step: Step of gradient descent; None for flow.
    """

    def __init__(
        self, gram: np.ndarray, residual: np.ndarray, strength: float = 0.0, *, step: float | None = None
    ) -> None:
        """Decompose the kernel, once for all times.

        Args:
            gram: `(N, N)` symmetric positive semidefinite kernel K of the training outputs.
            residual: `(N,)` targets minus the outputs at the start, r0 = y - f0.
            strength: Pull lambda in the kernel's units, at least 0.
            step: Step of gradient descent, positive and below 2 / (l_max + lambda); None for flow.

        Raises:
            InputError: Shapes do not fit, a number is not finite, the kernel is not symmetric and positive
                semidefinite, the strength is negative, or the step makes descent diverge.
        """
        check_strength(strength, zero=True)
        residual = np.asarray(residual, dtype=np.float64)
        values, vectors = linalg.eigh(symmetric(gram, residual))
        check_semidefinite(values)
        # What is below the rounding of the largest is zero for all that float64 can tell.
        values[values <= len(values) * np.finfo(float).eps * values[-1]] = 0.0
        self.values: np.ndarray = values[::-1]
        self.vectors: np.ndarray = vectors[:, ::-1]
        self.coefficients: np.ndarray = self.vectors.T @ residual
        self.strength = float(strength)
        self.step = step
        _check_step(step, float(self.rates[0]))

    @property
    def rates(self) -> np.ndarray:
        """Rate l + lambda of each mode, `(N,)`."""
        return self.values + self.strength

    @property
    def ceilings(self) -> np.ndarray:
        """Share l / (l + lambda) of its target that each mode learns in the end, `(N,)`."""
        return _over(self.values, self.rates)

    def remaining(self, times: np.ndarray) -> np.ndarray:
        """Return what is left of each mode's distance from its end, 1 at the start: `(..., N)`."""
        return _decay(self.rates, self._check(times), self.step)[0]

    def learnt(self, times: np.ndarray) -> np.ndarray:
        """Return the share of its own target that each mode has learnt, `(..., N)`; 0 at the start."""
        return self.ceilings * _decay(self.rates, self._check(times), self.step)[1]

    def outputs(self, times: np.ndarray, start: np.ndarray | float = 0.0) -> np.ndarray:
        """Return the training outputs f0 + K (K + lambda)^-1 (I - e^{-(K + lambda) t}) r0, `(..., N)`.

        Args:
            times: `(...)`.
            start: `(N,)` outputs f0; without them, what is added to them is returned.
        """
        return start + (self.learnt(times) * self.coefficients) @ self.vectors.T

    def other_outputs(
        self, cross: np.ndarray, times: np.ndarray, start: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Return other outputs f0(x) + k(x)^T (K + lambda)^-1 (I - e^{-(K + lambda) t}) r0, `(..., M)`.

        Args:
            cross: `(N, M)` kernel between the training outputs and the others.
            times: `(...)`.
            start: `(M,)` outputs f0(x); without them, what is added to them is returned.
        """
        check_cross(cross, len(self.values))
        return start + self._dual(times) @ (self.vectors.T @ cross)

    def residuals(self, times: np.ndarray) -> np.ndarray:
        """Return the residuals y - f along each eigenvector, `(..., N)`, exact also where next to nothing."""
        left, gone = _decay(self.rates, self._check(times), self.step)
        return (left + _over(self.strength * gone, self.rates)) * self.coefficients

    def loss(self, times: np.ndarray) -> np.ndarray:
        """Return the loss 1/2 ||f - y||^2, `(...)`."""
        return 0.5 * (self.residuals(times) ** 2).sum(axis=-1)

    def objective(self, times: np.ndarray) -> np.ndarray:
        """Return loss plus lambda/2 ||theta - theta0||^2, `(...)`."""
        return self.optimum + self.excess(times)

    @property
    def optimum(self) -> float:
        """The least objective: lambda/2 r0^T (K + lambda)^-1 r0 where lambda > 0."""
        return float(0.5 * ((1 - self.ceilings) * self.coefficients**2).sum())

    def excess(self, times: np.ndarray) -> np.ndarray:
        """Return by how much the objective is above its optimum, `(...)`."""
        return 0.5 * (self.ceilings * (self.remaining(times) * self.coefficients) ** 2).sum(axis=-1)

    def drift(self, times: np.ndarray) -> np.ndarray:
        """Return how far the weights are from their start, ||theta - theta0||, `(...)`."""
        return np.sqrt((self.values * self._dual(times) ** 2).sum(axis=-1))

    def _dual(self, times: np.ndarray) -> np.ndarray:
        """Return a with theta - theta0 = J^T U a, `(..., N)`; 0 along modes at rate 0."""
        gone = _decay(self.rates, self._check(times), self.step)[1]
        return _over(gone, self.rates) * self.coefficients

    def _check(self, times: np.ndarray) -> np.ndarray:
        times = np.asarray(times, dtype=np.float64)
        if np.isnan(times).any() or (times < 0).any():
            raise InputError(f"times={times} must be at least 0.")
        if self.step is not None and (times[np.isfinite(times)] % 1).any():
            raise InputError(f"times={times} must be whole numbers of steps of gradient descent.")
        return times


def _decay(rates: np.ndarray, times: np.ndarray, step: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of each mode after some times, and what is gone, both `(..., N)`.

    They add up to 1; each is exact also where it is next to nothing.
    """
    times = times[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        if step is None:
            slope, swings = -rates, np.zeros(rates.shape, dtype=bool)
        else:  # the logarithm of |1 - step rate|; the mode swings from side to side where that is negative
            slope, swings = np.log1p(-np.minimum(step * rates, 2 - step * rates)), step * rates > 1
        exponent = np.where((times == 0) | (slope == 0), 0.0, times * slope)
        beyond = swings & (times % 2 == 1)
    size = np.exp(exponent)
    return np.where(beyond, -size, size), np.where(beyond, 1 + size, -np.expm1(exponent))


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the quotient, 0 where the lower one is 0."""
    return np.divide(
        above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0
    )


def _check_step(step: float | None, largest: float) -> None:
    limit = 2 / largest if largest else np.inf
    if step is not None and not 0 < step < limit:
        raise InputError(
            f"step={step} must be positive and below 2 / (l_max + strength) = {limit:.6g}, where gradient "
            "descent no longer converges."
        )
