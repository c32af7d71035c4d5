"""What studies choose from: the settings of each solver."""

from itertools import product

from lintune.solvers.asymmetric import Asymmetric
from lintune.solvers.least_squares import LeastSquares
from lintune.solvers.logistic import Logistic
from lintune.solvers.solver import Solver
from lintune.solvers.support_vectors import SupportVectors

# Of Malladi et al. (2023) by third-party accounts: ridges over the operator norm of the kernel, and what
# the pretrained answer f0 is divided by.
REPORTED_RIDGES = (0.0, 0.001, 0.01, 0.1, 1.0)
REPORTED_SCALINGS = (10.0, 100.0, 1000.0, 10000.0, float("inf"))

# The other grids are ours. No gamma is 1, where the system of the asymmetric solver is nearly singular along
# the largest singular value.
_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)
_GAMMAS = (0.1, 0.5, 5.0, 50.0, 500.0)

CANDIDATES: dict[str, tuple[Solver, ...]] = {
    LeastSquares.name: tuple(
        LeastSquares(ridge, 1 / scaling) for ridge, scaling in product(REPORTED_RIDGES, REPORTED_SCALINGS)
    ),
    Logistic.name: tuple(Logistic(strength, offset) for strength, offset in product(_STRENGTHS, (0.0, 1.0))),
    SupportVectors.name: tuple(SupportVectors(penalty) for penalty in _PENALTIES),
    Asymmetric.name: tuple(Asymmetric(gamma, mix) for gamma, mix in product(_GAMMAS, (0.0, 0.5, 1.0))),
}
