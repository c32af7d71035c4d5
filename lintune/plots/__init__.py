"""One look for all figures, and the figures that chapters share."""

from lintune.plots.accuracies import accuracies
from lintune.plots.added_layers import condition_numbers, eigenvalue_bounds, residual_bounds
from lintune.plots.behaviour import by_function, kernel_likeness, starts_and_ends
from lintune.plots.costs import costs
from lintune.plots.ledger import at_a_glance
from lintune.plots.likeness import likeness
from lintune.plots.lora_coordinates import lora_dial, lora_gaps, projection_errors
from lintune.plots.lora_kernel import error_laws, kernel_errors, layer_errors
from lintune.plots.nearness import anchors, pulled_drifts, steepness
from lintune.plots.optimiser_kernels import first_step_errors, kernel_solver_accuracies, predicted_steps
from lintune.plots.portraits import gram_matrices, layers, spectra
from lintune.plots.predictors import losses_by_predictor, rank_correlations
from lintune.plots.proximal import conditioning, proximal_modes, proximal_paths
from lintune.plots.strengths import accuracy_by_strength, closeness
from lintune.plots.style import use_style

__all__ = [
    "accuracies",
    "accuracy_by_strength",
    "anchors",
    "at_a_glance",
    "by_function",
    "closeness",
    "condition_numbers",
    "conditioning",
    "costs",
    "eigenvalue_bounds",
    "error_laws",
    "first_step_errors",
    "gram_matrices",
    "kernel_errors",
    "kernel_likeness",
    "kernel_solver_accuracies",
    "layer_errors",
    "layers",
    "likeness",
    "lora_dial",
    "lora_gaps",
    "losses_by_predictor",
    "predicted_steps",
    "projection_errors",
    "proximal_modes",
    "proximal_paths",
    "pulled_drifts",
    "rank_correlations",
    "residual_bounds",
    "spectra",
    "starts_and_ends",
    "steepness",
    "use_style",
]
