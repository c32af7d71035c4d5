"""Training by gradients, written once: for a network, for its linearisation, and for the kernel alone."""

from lintune.descent.loop import Step, World, descend
from lintune.descent.losses import CrossEntropy, Loss, Squared, loss_for
from lintune.descent.recipe import Recipe
from lintune.descent.vectors import Vector, difference, inner, norm

__all__ = [
    "CrossEntropy",
    "Loss",
    "Recipe",
    "Squared",
    "Step",
    "Vector",
    "World",
    "descend",
    "difference",
    "inner",
    "loss_for",
    "norm",
]
