"""Classifiers made of a kernel: from a kernel of contrasts, pretrained logits and labels to class scores.

A solver has its hyper-parameters as fields and fits in one call; what it returns scores new examples.
`choose` takes one of several by cross-validation inside the training examples, `fit` chooses ridge and offset
of kernel ridge regression by leaving one out in closed form, and `CANDIDATES` holds what studies choose from.

Kernels are `(n, k, n, k)` with k = C - 1 contrasts of C logits; rows are the examples that are trained on.
`LeastSquares` and `Asymmetric` take asymmetric kernels too, such as that of `AsymmetricSignGD`.
"""

from lintune.solvers.asymmetric import Asymmetric, FittedAsymmetric
from lintune.solvers.candidates import CANDIDATES, REPORTED_RIDGES, REPORTED_SCALINGS
from lintune.solvers.choose import Chosen, choose
from lintune.solvers.least_squares import LeastSquares
from lintune.solvers.logistic import Logistic
from lintune.solvers.ridge import OFFSETS, RIDGES, KernelRegression, fit
from lintune.solvers.solver import Expansion, Fitted, Solver
from lintune.solvers.support_vectors import FittedSupportVectors, SupportVectors

__all__ = [
    "CANDIDATES",
    "OFFSETS",
    "REPORTED_RIDGES",
    "REPORTED_SCALINGS",
    "RIDGES",
    "Asymmetric",
    "Chosen",
    "Expansion",
    "Fitted",
    "FittedAsymmetric",
    "FittedSupportVectors",
    "KernelRegression",
    "LeastSquares",
    "Logistic",
    "Solver",
    "SupportVectors",
    "choose",
    "fit",
]
