"""One look for all figures, and the figures that chapters share."""

from lintune.plots.accuracies import accuracies
from lintune.plots.added_layers import condition_numbers, eigenvalue_bounds, residual_bounds
from lintune.plots.costs import costs
from lintune.plots.likeness import likeness
from lintune.plots.lora_coordinates import lora_dial, lora_gaps, projection_errors
from lintune.plots.nearness import anchors, pulled_drifts, steepness
from lintune.plots.portraits import gram_matrices, layers, spectra
from lintune.plots.predictors import losses_by_predictor, rank_correlations
from lintune.plots.proximal import conditioning, proximal_modes, proximal_paths
from lintune.plots.strengths import accuracy_by_strength, closeness
from lintune.plots.style import use_style

__all__ = [
    "accuracies",
    "accuracy_by_strength",
    "anchors",
    "closeness",
    "condition_numbers",
    "conditioning",
    "costs",
    "eigenvalue_bounds",
    "gram_matrices",
    "layers",
    "likeness",
    "lora_dial",
    "lora_gaps",
    "losses_by_predictor",
    "projection_errors",
    "proximal_modes",
    "proximal_paths",
    "pulled_drifts",
    "rank_correlations",
    "residual_bounds",
    "spectra",
    "steepness",
    "use_style",
]
