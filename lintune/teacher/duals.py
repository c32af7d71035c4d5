"""Dual activations: E sigma(g) sigma(g') for standard normal g, g' of correlation rho (Daniely et al., 2016).

By the Hermite coefficients it is sum_p mu_p^2 rho^p, and its derivative is the dual of sigma'. ReLU has a
closed form, the arc-cosine kernels (Cho and Saul, 2009). The series of a polynomial is finite; others
are cut off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lintune.errors import InputError
from lintune.teacher.activations import RELU, Activation, activation
from lintune.teacher.hermite import coefficients, missing

# Correlations of float64 unit vectors leave [-1, 1] by rounding.
_BEYOND = 1e-9
# Trailing terms of a series are dropped while their sum is below this part of it.
_TAIL = 1e-15

Evaluate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Dual:
    """A dual activation and its first two derivatives.

    Attributes:
        activation: sigma.
        mu: `(order + 1,)` its Hermite coefficients, read-only.
        missing: E sigma^2 - sum mu_p^2. Where the dual is a series it is off by at most this, and by at most
            |rho|^(order + 1) times this; in closed form (ReLU) it is exact.
        functions: The dual, its derivative and the second one, on clipped correlations.
    """

    activation: Activation
    mu: np.ndarray
    missing: float
    functions: tuple[Evaluate, Evaluate, Evaluate]

    def value(self, rho: np.ndarray | float) -> np.ndarray:
        """Return sum mu_p^2 rho^p, of the shape of `rho`.

        Args:
            rho: Correlations in [-1, 1]; rounding beyond is cut off.

        Raises:
            InputError: One is outside or not a number.
        """
        return self.functions[0](_correlations(rho))

    def slope(self, rho: np.ndarray | float) -> np.ndarray:
        """Return sum p mu_p^2 rho^(p-1) = E sigma'(g) sigma'(g'); arguments and errors as `value`.

        At |rho| = 1 the series of an activation that jumps does not converge, and what it gives depends on
        the order.
        """
        return self.functions[1](_correlations(rho))

    def second(self, rho: np.ndarray | float) -> np.ndarray:
        """Return sum p (p - 1) mu_p^2 rho^(p-2); arguments and errors as `value`.

        For ReLU it is 1 / (2 pi sqrt(1 - rho^2)), and infinite at |rho| = 1. The series of another
        activation with a kink does not converge there.
        """
        return self.functions[2](_correlations(rho))


@lru_cache
def dual(given: str | Activation, order: int = 400) -> Dual:
    """Return the dual of an activation; asked again, the same object.

    Args:
        given: Name of an activation, or an activation.
        order: Last term of the series, at least 0. A smooth activation such as the sigmoid needs some tens,
            and no more are evaluated; one with a kink has a slow series, see `Dual.missing`.

    Raises:
        InputError: As `coefficients`.
    """
    function = activation(given)
    mu = coefficients(function, order)
    left = missing(function, mu)
    if function == RELU:
        return Dual(function, mu, left, (_relu, _relu_slope, _relu_second))
    squares = np.square(mu)
    terms = squares, _derivative(squares), _derivative(_derivative(squares))
    value, slope, second = (_series(each) for each in terms)
    return Dual(function, mu, left, (value, slope, second))


def _correlations(rho: np.ndarray | float) -> np.ndarray:
    given = np.asarray(rho, dtype=np.float64)
    inside = np.clip(given, -1.0, 1.0)
    # Not a number is neither near nor far.
    if given.size and not np.abs(given - inside).max() <= _BEYOND:
        raise InputError(f"rho from {given.min()} to {given.max()} must be in [-1, 1].")
    return inside


def _relu(rho: np.ndarray) -> np.ndarray:
    return np.asarray((np.sqrt(1 - rho * rho) + rho * (np.pi - np.arccos(rho))) / (2 * np.pi))


def _relu_slope(rho: np.ndarray) -> np.ndarray:
    return np.asarray((np.pi - np.arccos(rho)) / (2 * np.pi))


def _relu_second(rho: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (2 * np.pi * np.sqrt(1 - rho * rho)))


def _derivative(terms: np.ndarray) -> np.ndarray:
    """Return the coefficients of the derivative of a power series."""
    return np.arange(1, len(terms)) * terms[1:]


def _series(terms: np.ndarray) -> Evaluate:
    """Return a power series of terms that are not negative as a function.

    Even and odd powers apart: many activations have but one kind, beyond mu_0 or mu_1.
    """
    kept = _kept(terms, _TAIL * float(terms.sum()))
    even, odd = kept[::2], kept[1::2]
    even, odd = _kept(even, 0.0), _kept(odd, 0.0)

    def evaluate(rho: np.ndarray) -> np.ndarray:
        square = rho * rho
        return _horner(even, square) + rho * _horner(odd, square)

    return evaluate


def _kept(terms: np.ndarray, tail: float) -> np.ndarray:
    """Return the terms without trailing ones whose sum is at most `tail`."""
    return terms[: int(np.sum(np.cumsum(terms[::-1])[::-1] > tail))]


def _horner(terms: np.ndarray, x: np.ndarray) -> np.ndarray:
    found = np.full(x.shape, terms[-1] if len(terms) else 0.0)
    for term in terms[-2::-1]:
        found *= x
        found += term
    return found
