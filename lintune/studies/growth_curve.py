"""A growth curve a e^(b x) fitted to two measurements: two weights, two examples, two speeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lintune.regression import GradientFlow
from lintune.studies.flows import integrated


def growth(inputs: Sequence[float], targets: Sequence[float], times: np.ndarray) -> dict[str, Any]:
    """Train the curve a e^(b x) and its tangent model 1 + (a - 1) + b x from a = 1, b = 0 by gradient flow.

    Args:
        inputs: `(N,)` x.
        targets: `(N,)` y; the loss is 1/2 ||f - y||^2.
        times: `(T,)` from 0 on.

    Returns:
        `inputs`, `targets` and `times`; the kernel's `gram` `(N, N)`, `eigenvalues` `(N,)`, descending, and
        `eigenvectors` `(N, N)` as columns, turned so that no residual along them is negative at the start;
        along these the residuals `curve` and `line`, of the real and of the tangent model, `(T, N)`; and the
        weights of the two, `curve_weights` and `line_weights`, `(T, 2)`. All float64.
    """
    x, y = np.asarray(inputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    features = np.stack([np.ones_like(x), x], axis=1)
    flow = GradientFlow(features @ features.T, y - 1)
    turned = np.where(flow.coefficients < 0, -1.0, 1.0)
    vectors = flow.vectors * turned

    def real(_: float, weights: np.ndarray) -> np.ndarray:
        values = np.exp(weights[1] * x)
        left = y - weights[0] * values
        return np.array([left @ values, left @ (weights[0] * x * values)])

    # theta - theta0 is what the tangent model would say of inputs whose features are the unit vectors.
    moved = flow.other_outputs(features, times)
    curved = integrated(real, np.array([1.0, 0.0]), times)
    outputs = curved[:, :1] * np.exp(curved[:, 1:] * x)
    return {
        "inputs": x,
        "targets": y,
        "times": times,
        "gram": features @ features.T,
        "eigenvalues": flow.values,
        "eigenvectors": vectors,
        "line": flow.residuals(times) * turned,
        "curve": (y - outputs) @ vectors,
        "line_weights": np.array([1.0, 0.0]) + moved,
        "curve_weights": curved,
    }
