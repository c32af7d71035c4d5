"""Step size and number of iterations by the generic theorem of Dayi and Chen (5, and 16 in its appendix).

The overlap m starts near d^(-1/2) and moves by eta h(m) (1 - m^2) a step. A lower bound S of |h| along the
path and an upper bound V of the gradient's variance decide both numbers; what the paper derives from them is
in `lintune.teacher.scalings`.
"""

import math
from dataclasses import dataclass

from lintune.errors import InputError
from lintune.teacher.bounds import check_positive, check_whole


@dataclass(frozen=True)
class Step:
    """What the generic theorem gives.

    Attributes:
        eta: Step size.
        iterations: T, after which the squared overlap is at least 1 - epsilon (strong recovery).
        weak: Iterations by which the overlap is of order 1 (weak recovery).
    """

    eta: float
    iterations: int
    weak: int


def generic_step(
    dimension: int, drift: float, variance: float, epsilon: float, constant: float = 4.0
) -> Step:
    """Return step size and iterations for known drift and variance (Theorems 5 and 16).

    delta = min{S epsilon^3 / (constant log(dV)^2), 1}, eta = delta / (d V), T = ceil(alpha d V) with
    alpha = 4 log(dV) / (epsilon delta S), and weak recovery by 4 d V / (delta S).

    Args:
        dimension: d, at least 2.
        drift: S, a lower bound of |h| along the path.
        variance: V, an upper bound of the gradient's variance; d V must be above 1.
        epsilon: What 1 - <u, u^>^2 is to be at most, between 0 and 1.
        constant: What stands before the logarithm. The paper prints 4 mu_1, where mu_1 is a constant of the
            theorem and not a Hermite coefficient; 4 is that constant at 1.

    Raises:
        InputError: An argument is out of range.
    """
    check_whole("dimension", dimension, 2)
    check_epsilon(epsilon)
    check_positive(drift=drift, variance=variance, constant=constant)
    if dimension * variance <= 1:
        raise InputError(f"variance={variance} times dimension={dimension} must be above 1.")
    scale, log = dimension * variance, math.log(dimension * variance)
    delta = min(drift * epsilon**3 / (constant * log**2), 1.0)
    weak = 4 * scale / (delta * drift)
    return Step(delta / scale, math.ceil(weak * log / epsilon), math.ceil(weak))


def check_epsilon(epsilon: float) -> None:
    """Refuse an epsilon that is not between 0 and 1."""
    if not 0 < epsilon < 1:
        raise InputError(f"epsilon={epsilon} must be between 0 and 1.")
