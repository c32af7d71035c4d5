"""What the linearised model learns, in closed form: at its optimum, on the way there, and one left out.

The linear model f0(x) + J(x) (theta - theta0), trained by squared loss with the pull
lambda/2 ||theta - theta0||^2, is known from its kernel K = J J^T and the residual r0 = y - f0 alone:
`ridge_outputs` is its optimum, `GradientFlow` its whole path, `Modes` the path taken apart by eigenvectors
of K, and `leave_one_out` its errors on examples that it has not seen. Classifiers made of it are in
`lintune.solvers`.
"""

from lintune.regression.flow import GradientFlow
from lintune.regression.leave_one_out import LeaveOneOut, leave_one_out
from lintune.regression.modes import Fastest, Modes, fastest, grouped, steps_within
from lintune.regression.ridge import ridge_outputs

__all__ = [
    "Fastest",
    "GradientFlow",
    "LeaveOneOut",
    "Modes",
    "fastest",
    "grouped",
    "leave_one_out",
    "ridge_outputs",
    "steps_within",
]
