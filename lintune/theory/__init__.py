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
from lintune.theory.moments import Moments, gradient_moments, token_moments
from lintune.theory.patterns import flowed, growth_rate, largest_pattern_step, resting_value
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
from lintune.theory.projections import (
    effective_rank,
    entry_radius,
    expected_factor,
    known_tail,
    projected_variance,
    projection_tail,
    tail_radius,
    unbiased_alpha,
)
from lintune.theory.selections import (
    Products,
    bernoulli_variance,
    design_effect,
    gradient_products,
    selection_variance,
    subset_variance,
    token_products,
)
from lintune.theory.signgd import (
    change_along,
    descent_direction,
    output_derivative,
    sgd_change,
    sign_direction,
    sign_step_error,
    signgd_change,
)

__all__ = [
    "Moments",
    "Products",
    "bernoulli_variance",
    "change_along",
    "condition_bound",
    "descent_direction",
    "design_effect",
    "drift_from_loss",
    "drift_from_slope",
    "drift_from_start",
    "effective_rank",
    "entry_radius",
    "expected_factor",
    "flowed",
    "function_gap",
    "kernel_drift",
    "gradient_moments",
    "gradient_products",
    "growth_rate",
    "known_tail",
    "largest_pattern_step",
    "largest_step",
    "objective_ratio_range",
    "output_derivative",
    "output_gap",
    "parameter_gap",
    "projected_variance",
    "projection_tail",
    "relative_change",
    "residual_ratio_bounds",
    "residual_ratio_from",
    "residual_ratio_range",
    "resting_value",
    "ridge_objective",
    "ridge_residual",
    "selection_variance",
    "sgd_change",
    "sign_direction",
    "sign_step_error",
    "signgd_change",
    "subset_variance",
    "tail_radius",
    "token_moments",
    "token_products",
    "unbiased_alpha",
    "weyl",
]
