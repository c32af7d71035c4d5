"""Gradient flow of a few weights, integrated until no digit that matters is in doubt."""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

# Relative and absolute tolerance.
_TOLERANCE = 1e-10


def integrated(
    flow: Callable[[float, np.ndarray], np.ndarray], start: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """Return the solution of d theta / d time = flow(time, theta).

    Args:
        flow: The derivative at a time and at weights `(p,)`.
        start: `(p,)` weights at time 0.
        times: `(T,)`, ascending.

    Returns:
        `(T, p)` float64, the weights at each time.
    """
    times = np.asarray(times, dtype=np.float64)
    found = solve_ivp(
        flow,
        (0.0, float(times[-1])),
        start,
        method="DOP853",
        t_eval=times,
        rtol=_TOLERANCE,
        atol=_TOLERANCE,
    )
    return np.asarray(found.y.T)
