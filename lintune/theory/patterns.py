"""What matrix pattern constraints do to a factor on their own: they grow it, and bring it to rest.

A factor F with r rows or columns is under the gradient flow of

    weight * ||F^T F - I||^2 + decay / 2 ||F||^2    (I of size r; F F^T for a factor with r rows),

the part of MPC_o that concerns it (Si et al., 2024), beside weight decay. Its singular vectors stay, and the
square u of each singular value follows u' = 2 u (4 weight (1 - u) - decay), a logistic curve. The statements
are ours; the proof is in the book's chapter on the decomposition view.
"""

import math

import numpy as np

from lintune.errors import InputError


def growth_rate(weight: float, decay: float = 0.0) -> float:
    """Return 4 weight - decay, the rate at which MPC_o makes a small factor grow; negative where it shrinks.

    At LoRA's start, B = 0, the gradient of MPC_o for B is zero and its Hessian -4 weight times the identity:
    whatever the loss makes of B grows by this rate at first. MPC_d has a zero Hessian there: its rate is
    -decay, whatever the weight.
    """
    _at_least_0(weight=weight, decay=decay)
    return 4 * weight - decay


def resting_value(weight: float, decay: float = 0.0) -> float:
    """Return sqrt(1 - decay / (4 weight)), where the singular values of a factor come to rest.

    It is 1 without decay, and 0 where the decay is at least 4 times the weight.
    """
    rate = growth_rate(weight, decay)
    return math.sqrt(rate / (4 * weight)) if rate > 0 else 0.0


def flowed(singular: np.ndarray, weight: float, time: float, decay: float = 0.0) -> np.ndarray:
    """Return the singular values of a factor after some time of the flow, exactly.

    Args:
        singular: Singular values at the start `(r,)`, at least 0; one that is 0 stays so.
        weight: The penalty's weight.
        time: Step size times number of steps, where the flow stands for small steps.
        decay: Weight decay.

    Returns:
        `(r,)` float64.
    """
    _at_least_0(time=time)
    rate, start = growth_rate(weight, decay), np.asarray(singular, dtype=float) ** 2
    if rate == 0:
        return np.asarray(np.sqrt(start / (1 + 8 * weight * start * time)))
    # u = start / (e + 4 weight start (1 - e) / rate) with e = exp(-2 rate time), which does not overflow.
    if rate > 0:
        shrunk = math.exp(-2 * rate * time)
        return np.asarray(np.sqrt(start / (shrunk + 4 * weight * start * (1 - shrunk) / rate)))
    left = math.exp(2 * rate * time)  # the same, multiplied through
    return np.asarray(np.sqrt(start * left / (1 + 4 * weight * start * (left - 1) / rate)))


def largest_pattern_step(weight: float) -> float:
    """Return 1 / (4 weight), below which gradient descent on MPC_o alone rests at orthonormal factors.

    There the curvature is at most 8 weight: a longer step leaves the neighbourhood of every such factor.
    """
    _at_least_0(weight=weight)
    return 1 / (4 * weight) if weight else math.inf


def _at_least_0(**given: float) -> None:
    for name, value in given.items():
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name}={value} must be at least 0 and finite.")
