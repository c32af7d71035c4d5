"""Bounds of the drift h, of the gradient's variance and of the overlap that suffices, by Dayi and Chen.

Lemmas 6, 8 and 17 and Theorem 36 of the COLT version. What the paper leaves as a constant is an argument.
"""

import math

from lintune.errors import InputError


def drift_orthonormal(
    width: int, xi: float, gamma: float, linear: bool, exponent: int = 1, constant: float = 1.0
) -> float:
    """Return Lemma 6's lower bound of |h(0)| for orthonormal rows.

    It is (k / (k + xi^2))^exponent constant gamma xi^2, over sqrt(k) where mu_1 = 0. By the same
    lemma |h(m)| is at least half of |h(0)| on the side m h(0) >= 0, so S may be half of it.

    Args:
        width: k.
        xi: Size of the change.
        gamma: Chance that is given up: the bound holds up to a probability that falls with it.
        linear: Whether mu_1 of the activation is not zero.
        exponent: s* of the lemma.
        constant: C_sigma, and lambda_min^2 with it, which the T of Theorem 11 needs.

    Raises:
        InputError: An argument is out of range.
    """
    check_whole("width", width, 1)
    check_whole("exponent", exponent, 0)
    check_positive(xi=xi, gamma=gamma, constant=constant)
    shrunk = (width / (width + xi**2)) ** exponent
    return shrunk * constant * gamma * xi**2 * (1.0 if linear else width**-0.5)


def drift_separated(width: int, gamma: float, smallest: float = 1.0, constant: float = 0.5) -> float:
    """Return Lemma 8's lower bound of |h(0)| for separated rows and xi = 1: gamma lambda_min^2 / (2 sqrt(k)).

    Args:
        width: k.
        gamma: Chance that is given up: the bound holds up to a probability that falls with it.
        smallest: lambda_min.
        constant: The 1/2.

    Raises:
        InputError: An argument is out of range.
    """
    check_whole("width", width, 1)
    check_positive(gamma=gamma, smallest=smallest, constant=constant)
    return constant * gamma * smallest**2 / width**0.5


def gradient_variance(width: int, xi: float, largest: float = 1.0, constant: float = 1.0) -> float:
    """Return Lemma 17's bound V: constant lambda_max^4 k^3 xi^2 min{k, 4 xi^2} / (k + xi^2).

    Args:
        width: k.
        xi: Size of the change.
        largest: lambda_max.
        constant: What the lemma leaves open.

    Raises:
        InputError: An argument is out of range.
    """
    check_whole("width", width, 1)
    check_positive(xi=xi, largest=largest, constant=constant)
    return constant * largest**4 * width**3 * xi**2 * min(width, 4 * xi**2) / (width + xi**2)


def closeness(epsilon: float, width: int, xi: float, largest: float = 1.0, constant: float = 1.0) -> float:
    """Return how near to 1 |<u, u^>| must be for c to be easy (Theorem 36).

    Once 1 - |<u, u^>| <= epsilon (k + xi^2) / (2 constant lambda_max^2 xi^2 k^2), a linear model over the 2k
    features sigma(<(w_i +- xi u^ / sqrt(k)) / sqrt(1 + xi^2 / k), x>) fits the teacher to error epsilon.

    Args:
        epsilon: Mean squared error, positive.
        width: k.
        xi: Size of the change.
        largest: lambda_max.
        constant: C_sigma.

    Raises:
        InputError: An argument is out of range.
    """
    check_whole("width", width, 1)
    check_positive(epsilon=epsilon, xi=xi, largest=largest, constant=constant)
    return epsilon * (width + xi**2) / (2 * constant * largest**2 * xi**2 * width**2)


def check_whole(name: str, value: int, least: int) -> None:
    """Refuse what is no whole number, or too small a one."""
    if value < least or value != int(value):
        raise InputError(f"{name}={value} must be a whole number of at least {least}.")


def check_positive(**given: float) -> None:
    """Refuse the first argument that is not positive and finite."""
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}={value} must be positive and finite.")
