"""Learning taken apart by the kernel's eigenvectors: how fast, how far, and how much of the target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.regression.flow import GradientFlow


@dataclass(frozen=True)
class Modes:
    """The learning curves of a path, a mode for each eigenvector of the kernel, largest eigenvalue first.

    Attributes:
        path: Flow or descent whose curves these are.
    """

    path: GradientFlow

    @property
    def rates(self) -> np.ndarray:
        """Rate l + lambda at which a mode nears its end, `(N,)`."""
        return self.path.rates

    @property
    def ceilings(self) -> np.ndarray:
        """Share l / (l + lambda) of its target that a mode learns in the end, `(N,)`."""
        return self.path.ceilings

    @property
    def shares(self) -> np.ndarray:
        """Share (u^T r0)^2 / ||r0||^2 of the target's energy in a mode, `(N,)`; they sum to 1.

        All are 0 where there is nothing to learn, r0 = 0.
        """
        energy = self.path.coefficients**2
        return np.asarray(energy / (energy.sum() or 1.0))

    @property
    def energy(self) -> np.ndarray:
        """Share of the target's energy in the first modes up to each, `(N,)`; it ends at 1."""
        return np.cumsum(self.shares)

    def learnt(self, times: np.ndarray) -> np.ndarray:
        """Return the share of its own target that each mode has learnt, `(..., N)`."""
        return self.path.learnt(times)

    def left(self, times: np.ndarray) -> np.ndarray:
        """Return what each mode adds to the loss, over the loss at the start: `(..., N)`.

        It is a mode's share of the energy times the square of what it has not learnt; the modes sum to the
        loss.
        """
        return self.path.residuals(times) ** 2 / ((self.path.coefficients**2).sum() or 1.0)


def grouped(values: np.ndarray, ends: Sequence[int]) -> np.ndarray:
    """Return sums over groups of neighbouring modes, `(..., groups)`.

    Args:
        values: `(..., N)` one number per mode.
        ends: Where each group but the last ends, ascending, from 1 to N - 1: `(1, 4)` makes the first
            mode, the next three, and the rest.

    Raises:
        InputError: The ends are not ascending or out of range.
    """
    modes = values.shape[-1]
    bounds = [0, *ends]
    if any(left >= right for left, right in zip(bounds, [*ends, modes], strict=True)):
        raise InputError(f"ends={tuple(ends)} must ascend from at least 1 to at most {modes - 1}.")
    return np.asarray(np.add.reduceat(values, bounds, axis=-1))


@dataclass(frozen=True)
class Fastest:
    """The fastest gradient descent with one step for all modes.

    Attributes:
        condition_number: (l_max + lambda) / (l_min + lambda).
        step: 2 / (l_max + l_min + 2 lambda).
        rate: (condition number - 1) / (condition number + 1): what a step leaves of the distance from the
            optimum, at most.
    """

    condition_number: float
    step: float
    rate: float


def fastest(eigenvalues: np.ndarray, strength: float = 0.0) -> Fastest:
    """Return the fastest gradient descent for a kernel's eigenvalues and a pull.

    Args:
        eigenvalues: `(N,)`. Those that are 0 do not count: nothing moves along them.
        strength: Lambda, at least 0.

    Raises:
        InputError: An eigenvalue is negative or not finite, none is positive, or the strength is negative.
    """
    values = np.asarray(eigenvalues, dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and (values > 0).any()):
        raise InputError("eigenvalues must be finite and at least 0, and one of them positive.")
    if not strength >= 0:
        raise InputError(f"strength={strength} must be at least 0.")
    high, low = values.max() + strength, values[values > 0].min() + strength
    return Fastest(float(high / low), float(2 / (high + low)), float((high - low) / (high + low)))


def steps_within(path: GradientFlow, share: float) -> int:
    """Return the number of steps of descent after which the objective is within a share of its optimum.

    Args:
        path: Gradient descent, with a pull.
        share: Excess over the optimum, relative to the optimum, positive: 0.01 for within one per cent.

    Raises:
        InputError: The path is a flow, the share is not positive, or the optimum is 0, next to which
            nothing is within a share.
    """
    if path.step is None:
        raise InputError("path is a gradient flow, which has no steps; give it a step.")
    if not share > 0 or not path.optimum > 0:
        raise InputError(f"share={share} and the optimum, {path.optimum}, must be positive.")
    high = 1
    while path.excess(np.array(high)) > share * path.optimum:
        high *= 2
    low = -1 if high == 1 else high // 2  # the excess never rises: halve where the answer lies
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if path.excess(np.array(middle)) <= share * path.optimum else (middle, high)
    return high
