"""The student-teacher model of low-rank fine-tuning, where a dial leads from lazy training to where it fails.

A base network, a teacher one rank-one change of its weights away, and a student that learns the change by
online gradient descent (Dayi and Chen, "Gradient dynamics for low-rank fine-tuning beyond kernels"). Modules
with several functions are used by name: `bases`, `bounds`, `linear`, `population`, `scalings`, `scratch`.
"""

from lintune.teacher.activations import (
    ACTIVATIONS,
    HE3,
    QUADRATIC,
    RELU,
    SIGMOID,
    Activation,
    activation,
    hermite_activation,
)
from lintune.teacher.direct import Direct
from lintune.teacher.duals import Dual, dual
from lintune.teacher.flow import flow
from lintune.teacher.hermite import coefficients, hermite, missing
from lintune.teacher.problem import Problem, problem
from lintune.teacher.rates import unit_rate
from lintune.teacher.recovery import Recovery, recover
from lintune.teacher.recursion import Noise, Theory, noise, theory
from lintune.teacher.sgd import Descent, paths, walk
from lintune.teacher.steps import Step, generic_step
from lintune.teacher.student import Student, start
from lintune.teacher.training import Training

__all__ = [
    "ACTIVATIONS",
    "HE3",
    "QUADRATIC",
    "RELU",
    "SIGMOID",
    "Activation",
    "Descent",
    "Direct",
    "Dual",
    "Noise",
    "Problem",
    "Recovery",
    "Step",
    "Student",
    "Theory",
    "Training",
    "activation",
    "coefficients",
    "dual",
    "flow",
    "generic_step",
    "hermite",
    "hermite_activation",
    "missing",
    "noise",
    "paths",
    "problem",
    "recover",
    "start",
    "theory",
    "unit_rate",
    "walk",
]
