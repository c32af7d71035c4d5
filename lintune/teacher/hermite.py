"""Hermite polynomials and the Hermite coefficients of an activation.

Normalised probabilists' polynomials h_p: E h_p(g) h_q(g) = 1 if p = q, else 0, for g standard normal, and
sigma = sum_p mu_p h_p in the mean square, with mu_p = E sigma(g) h_p(g) (Dayi and Chen, section 2).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from lintune.errors import InputError
from lintune.teacher.activations import Activation, activation

# Beyond 2 sqrt(p), 24.5 at p = 150, h_p sqrt(phi) falls, and sqrt(phi) at 30 is e^-225.
_RANGE = 30.0
# At order p an integrand turns sqrt(p) times a unit: 0.25 sqrt(p) a half panel, for which 32 nodes are many.
_PANELS, _NODES = 120, 32
_RESOLVED = 1e-10
# Sums of some thousand terms of either sign: what is left of a coefficient that is zero.
_ROUNDING = 1e-14


def hermite(order: int, x: np.ndarray | Sequence[float] | float) -> np.ndarray:
    """Return h_0 to h_order by h_{p+1} = (x h_p - sqrt(p) h_{p-1}) / sqrt(p + 1), which is stable.

    Args:
        order: The last p, at least 0.
        x: Points, of any shape.

    Returns:
        `(order + 1, *x.shape)` float64.

    Raises:
        InputError: The order is negative.
    """
    points = np.asarray(x, dtype=np.float64)
    return _recurrence(order, points, np.ones_like(points))


@lru_cache
def coefficients(given: str | Activation, order: int) -> np.ndarray:
    """Return the Hermite coefficients mu_p = E sigma(g) h_p(g), p = 0 to order.

    By Gauss-Legendre rules on panels whose edges include the kinks. The error is about 1e-14 of the root of
    E sigma^2 (measured: up to order 400), and what is smaller than this is set to zero, so that `mu[1] == 0`
    may be asked. Coefficients of a polynomial beyond its degree are zero.

    Args:
        given: Name of an activation, or an activation.
        order: The last p, at least 0.

    Returns:
        `(order + 1,)` float64, read-only.

    Raises:
        InputError: The order is negative; or the activation is not known or not one (see `activation`); grows
            so fast that E sigma^2 is not reached; is not resolved by the panels, as with a kink not named; or
            is no polynomial of the degree it is given.
    """
    function = activation(given)
    x, weights = _rule(function.kinks, _NODES)
    # Half of the density goes with the polynomials, which it keeps from growing.
    root = _root_density(x)
    samples = function.value(x)
    power = second_moment(function)
    mu = _recurrence(order, x, root) @ (samples * root * weights)
    mu[np.abs(mu) <= _ROUNDING * power**0.5] = 0.0
    if function.degree is not None:
        _check_degree(function, np.abs(mu[function.degree + 1 :]).max(initial=0.0) / power**0.5)
        mu[function.degree + 1 :] = 0.0
    mu.flags.writeable = False
    return mu


def missing(given: str | Activation, mu: np.ndarray) -> float:
    """Return E sigma(g)^2 - sum_p mu_p^2, the mean square that a truncated series leaves out.

    Args:
        given: Name of an activation, or an activation.
        mu: Its coefficients from p = 0 on, as `coefficients` returns them.

    Returns:
        At least 0; 0 where rounding is all that is left.
    """
    power = second_moment(given)
    left = power - float(np.sum(np.square(mu)))
    return left if left > _ROUNDING * power else 0.0


@lru_cache
def second_moment(given: str | Activation) -> float:
    """Return E sigma(g)^2 for g standard normal, by two rules that must agree to 1e-10 of it.

    A kink that is not named and does less than this, as one far out, goes unnoticed.

    Raises:
        InputError: As `coefficients`.
    """
    function = activation(given)
    found = []
    for nodes in (_NODES, _NODES - 8):
        x, weights = _rule(function.kinks, nodes)
        with np.errstate(over="ignore"):
            density = np.square(function.value(x) * _root_density(x))
        if not density[[0, -1]].max() <= _RESOLVED * density.max():
            raise InputError(f"activation {function.name!r} grows too fast for E sigma(g)^2 to be found.")
        found.append(float(density @ weights))
    if not abs(found[0] - found[1]) <= _RESOLVED * found[0]:
        raise InputError(
            f"activation {function.name!r} varies too fast between its kinks={function.kinks}: two rules "
            f"give {found[0]:.12g} and {found[1]:.12g} for E sigma(g)^2. Name every kink."
        )
    return found[0]


def _check_degree(function: Activation, beyond: float) -> None:
    if beyond > 100 * _ROUNDING:
        raise InputError(
            f"degree={function.degree} of activation {function.name!r} is not that of its value: a "
            f"coefficient beyond it is {beyond:.3g} of the root of E sigma(g)^2. Give its degree, or None."
        )


def _recurrence(order: int, x: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return `(order + 1, *x.shape)` h_p(x) times `first`."""
    if order < 0:
        raise InputError(f"order={order} must be at least 0.")
    found = np.empty((order + 1, *x.shape))
    found[0] = first
    if order:
        found[1] = x * first
    for p in range(1, order):
        found[p + 1] = (x * found[p] - p**0.5 * found[p - 1]) / (p + 1) ** 0.5
    return found


def _root_density(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-x * x / 4) / (2 * np.pi) ** 0.25)


@lru_cache
def _rule(kinks: tuple[float, ...], nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights of the integral over the line, without the density."""
    inside = [kink for kink in kinks if abs(kink) < _RANGE]
    edges = np.unique(np.concatenate([np.linspace(-_RANGE, _RANGE, _PANELS + 1), inside]))
    at, weights = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[:, None] / 2
    middle = (edges[:-1] + edges[1:])[:, None] / 2
    return (middle + half * at).ravel(), (half * weights).ravel()
