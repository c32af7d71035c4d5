"""Claims of "Linearization Explains Fine-Tuning in Large Language Models" (Rahimi Afzal et al. 2025).

The full text was not open to us. What is claimed is known from third parties' reports, from the published
script, or reconstructed and proved in the book; every claim says which.
"""

from lintune.claims.linearization.accuracy_cost import the_most_linear_strength_costs_accuracy
from lintune.claims.linearization.added_layers import (
    adding_layers_stays_within_the_bounds,
    adding_lowers_the_objective_but_can_raise_the_residual,
    the_residual_bound_needs_no_condition,
)
from lintune.claims.linearization.bounds import (
    drift_stays_under_its_bound,
    gap_to_the_linear_run_stays_under_its_bound,
)
from lintune.claims.linearization.lora import (
    an_anchor_at_zero_keeps_lora_near,
    lora_kernel_is_a_projection_of_the_full_one,
    the_kernel_of_the_factors_describes_lora,
)
from lintune.claims.linearization.predicts import (
    condition_number_predicts_accuracy,
    condition_number_predicts_training_loss,
)
from lintune.claims.linearization.ridge_path import (
    proximal_training_is_kernel_ridge_regression,
    the_target_is_learnt_mode_by_mode,
)
from lintune.claims.linearization.selective import (
    loss_never_rises_under_the_selective_pull,
    selective_pull_holds_the_weights,
)
from lintune.claims.linearization.steepness import random_models_show_the_local_constants
from lintune.claims.linearization.strong_pull import (
    a_pull_keeps_fine_tuning_close_to_linear,
    distances_fall_like_powers_of_the_pull,
)

CLAIMS = (
    drift_stays_under_its_bound,
    loss_never_rises_under_the_selective_pull,
    selective_pull_holds_the_weights,
    an_anchor_at_zero_keeps_lora_near,
    random_models_show_the_local_constants,
    proximal_training_is_kernel_ridge_regression,
    the_target_is_learnt_mode_by_mode,
    gap_to_the_linear_run_stays_under_its_bound,
    distances_fall_like_powers_of_the_pull,
    a_pull_keeps_fine_tuning_close_to_linear,
    the_most_linear_strength_costs_accuracy,
    lora_kernel_is_a_projection_of_the_full_one,
    the_kernel_of_the_factors_describes_lora,
    condition_number_predicts_training_loss,
    condition_number_predicts_accuracy,
    adding_layers_stays_within_the_bounds,
    the_residual_bound_needs_no_condition,
    adding_lowers_the_objective_but_can_raise_the_residual,
)
