"""A model with two weights that training can be solved for by hand: f(x) = a b x, and its tangent model.

Training is gradient flow from the start (a0, b0) on 1/2 (f - y)^2 + lambda/2 ||theta - theta0||^2, with one
example x = 1 and the target y: by proposition "Many examples are one" of the chapter "Two weights" that is
the general case. All arrays are float64.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lintune.errors import InputError
from lintune.studies.flows import integrated

# The two weights (a, b).
Weights = Sequence[float] | np.ndarray


def kernel(weights: Weights) -> np.ndarray:
    """Return the tangent kernel a^2 + b^2 of the product at x = x' = 1, `(...)`, at weights `(..., 2)`."""
    return np.asarray((np.asarray(weights) ** 2).sum(axis=-1))


def target_weights(start: Weights, target: float) -> np.ndarray:
    """Return the weights `(2,)` at which gradient flow of the product ends, without a pull.

    They lie on the hyperbola a^2 - b^2 = a0^2 - b0^2, in the half-plane of the larger weight's sign.

    Raises:
        InputError: The two weights are of one size, where the path is a straight line, or not finite.
    """
    large, small, swapped = _ordered(start)
    conserved = large**2 - small**2
    end = np.sqrt((np.hypot(conserved, 2 * target) + conserved) / 2) * np.sign(large)
    found = np.array([end, target / end])
    return found[::-1] if swapped else found


def exact_path(start: Weights, target: float, times: np.ndarray) -> np.ndarray:
    """Return the weights `(T, 2)` of the product under gradient flow without a pull, in closed form.

    The angle of the weights turns: the tangent of what is left of it decays at the rate of the kernel at
    the end, and the weights stay on their hyperbola.

    Raises:
        InputError: As in `target_weights`.
    """
    large, small, swapped = _ordered(start)
    end = target_weights(start, target)
    last = end[::-1] if swapped else end
    slope, slope_end = small / large, last[1] / last[0]
    left = (slope_end - slope) / (1 + slope_end * slope) * np.exp(-kernel(end) * np.asarray(times))
    slopes = (slope_end - left) / (1 + slope_end * left)
    first = np.sign(large) * np.sqrt((large**2 - small**2) / (1 - slopes**2))
    path = np.stack([first, first * slopes], axis=-1)
    return path[:, ::-1] if swapped else path


def linear_path(start: Weights, target: float, times: np.ndarray, strength: float = 0.0) -> np.ndarray:
    """Return the weights `(T, 2)` of the product's tangent model under gradient flow, in closed form."""
    begin = np.asarray(start, dtype=np.float64)
    rate = kernel(begin) + strength
    gone = -np.expm1(-rate * np.asarray(times)) / rate
    return np.asarray(begin + gone[:, None] * (target - begin.prod()) * begin[::-1])


def pulled_path(start: Weights, target: float, times: np.ndarray, strength: float = 0.0) -> np.ndarray:
    """Return the weights `(T, 2)` of the product under gradient flow with a pull to the start, integrated.

    Raises:
        InputError: The strength is negative or not finite.
    """
    if not (np.isfinite(strength) and strength >= 0):
        raise InputError(f"strength={strength} must be finite and at least 0.")
    begin = np.asarray(start, dtype=np.float64)

    def flow(_: float, weights: np.ndarray) -> np.ndarray:
        return (target - weights.prod()) * weights[::-1] - strength * (weights - begin)

    return integrated(flow, begin, times)


def apart_bound(start: Weights, target: float, strength: float) -> tuple[float, float]:
    """Return by how much the pull bounds the drift, and the distance of the real from the linear run.

    Theorem "What a pull buys and what it costs" of the chapter. Both are infinite unless the strength is
    above the size of the residual at the start.
    """
    residual = abs(target - float(np.prod(start)))
    if strength <= residual:
        return np.inf, np.inf
    slope = float(np.sqrt(kernel(start)))
    drift = residual * slope / (strength - residual)
    return drift, drift * (residual + drift * slope / 2) / strength


def lazy_bound(start: Weights, target: float) -> float:
    """Return the bound 2 |r0| / (e m) on the distance of the two outputs at any time, over |r0|.

    m is the least kernel that the product meets on its way; theorem "Lazy in proportion" of the chapter.
    """
    conserved, begin = float(start[0]) ** 2 - float(start[1]) ** 2, float(np.prod(start))
    nearest = 0.0 if begin * target < 0 else min(abs(begin), abs(target))
    return float(2 * abs(target - begin) / (np.e * np.hypot(conserved, 2 * nearest)))


def pulls(
    start: Weights, target: float, strengths: Sequence[float], times: np.ndarray
) -> list[dict[str, Any]]:
    """Return for each pull the real and the linear run, and how far they are from each other.

    Returns:
        A row per strength: `strength`, the weights `real` and `linear` `(T, 2)`, `outputs` and
        `linear_outputs` `(T,)`, `drift` of the real run and `apart`, the largest distances over time, their
        `bounds`, None where there are none, and `left`, the share of the residual that the linear run
        leaves in the end.
    """
    rows = []
    for strength in strengths:
        real, linear = (path(start, target, times, strength) for path in (pulled_path, linear_path))
        bounds = apart_bound(start, target, strength)
        given = np.asarray(start, dtype=np.float64)
        rows.append(
            {
                "strength": float(strength),
                "real": real,
                "linear": linear,
                "outputs": real.prod(axis=1),
                "linear_outputs": given.prod() + (linear - given) @ given[::-1],
                "drift": float(np.linalg.norm(real - given, axis=1).max()),
                "apart": float(np.linalg.norm(real - linear, axis=1).max()),
                "bounds": [float(bound) if np.isfinite(bound) else None for bound in bounds],
                "left": float(strength / (kernel(given) + strength)),
            }
        )
    return rows


def scales(
    start: Weights, change: float, factors: Sequence[float], times: np.ndarray
) -> list[dict[str, float]]:
    """Return how far real and linear outputs part when the start is scaled and the change asked for is not.

    Args:
        start: The start (a0, b0) before it is scaled.
        change: The residual at the start, the same for every factor.
        factors: Factors of both weights.
        times: `(T,)` times in units of 1 over the kernel at the start.

    Returns:
        A row per factor: `factor`, `ratio` |r0| / K, the largest distance `apart` of the outputs over
        |r0|, its `bound`, and `kernel`, the last kernel over the first.
    """
    rows = []
    for factor in factors:
        given = np.asarray(start, dtype=np.float64) * factor
        first, target = float(kernel(given)), float(given.prod() + change)
        real = exact_path(given, target, np.asarray(times) / first).prod(axis=1)
        apart = np.abs(real - target + change * np.exp(-np.asarray(times))).max() / abs(change)
        rows.append(
            {
                "factor": float(factor),
                "ratio": abs(change) / first,
                "apart": float(apart),
                "bound": lazy_bound(given, target),
                "kernel": float(kernel(target_weights(given, target)) / first),
            }
        )
    return rows


def _ordered(start: Weights) -> tuple[float, float, bool]:
    """Return the larger weight, the smaller one, and whether they were swapped."""
    a, b = (float(weight) for weight in start)
    if not np.isfinite([a, b]).all() or abs(a) == abs(b):
        raise InputError(f"start={start} must be two finite weights of different sizes.")
    return (b, a, True) if abs(b) > abs(a) else (a, b, False)
