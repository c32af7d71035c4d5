"""One look for all figures, and the figures that chapters share."""

from lintune.plots.accuracies import accuracies
from lintune.plots.costs import costs
from lintune.plots.likeness import likeness
from lintune.plots.portraits import gram_matrices, layers, spectra
from lintune.plots.style import use_style

__all__ = ["accuracies", "costs", "gram_matrices", "layers", "likeness", "spectra", "use_style"]
