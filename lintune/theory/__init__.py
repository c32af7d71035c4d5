"""Bounds to hold measurements against: kernels that grow, and fine-tuning beside its linear twin.

Theorems that the book proves, as functions of matrices and numbers. `lintune.theory.lipschitz` estimates
the constants that they need around a model.
"""

from lintune.theory.closeness import (
    drift_from_loss,
    drift_from_slope,
    drift_from_start,
    function_gap,
    kernel_drift,
    largest_step,
    output_gap,
    parameter_gap,
)
from lintune.theory.perturbation import (
    condition_bound,
    objective_ratio_range,
    relative_change,
    residual_ratio_bounds,
    residual_ratio_from,
    residual_ratio_range,
    ridge_objective,
    ridge_residual,
    weyl,
)

__all__ = [
    "condition_bound",
    "drift_from_loss",
    "drift_from_slope",
    "drift_from_start",
    "function_gap",
    "kernel_drift",
    "largest_step",
    "objective_ratio_range",
    "output_gap",
    "parameter_gap",
    "relative_change",
    "residual_ratio_bounds",
    "residual_ratio_from",
    "residual_ratio_range",
    "ridge_objective",
    "ridge_residual",
    "weyl",
]
