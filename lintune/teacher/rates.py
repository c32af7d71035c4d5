"""The natural unit of the step size."""

import numpy as np

from lintune.teacher import population
from lintune.teacher.problem import Problem
from lintune.teacher.recursion import noise
from lintune.teacher.student import Student


def unit_rate(problem: Problem, student: Student, *, seed: int = 0) -> np.ndarray:
    """Return |h(0)| / (d V), `(I,)`, with V = E g^2 at overlap 0: a step's signal over its noise.

    In this unit the theorems' step sizes are a number delta: eta d V is how much noise a step adds to u^, and
    eta |h(0)| by how much it moves the overlap. Where descent ends, 1 - m^2 is about delta / 2 times what has
    become of the noise, and less where h has grown.

    Args:
        problem: The instances, u orthogonal to the rows.
        student: Says c^.
        seed: Seed of the inputs that V is averaged over.
    """
    variance = noise(problem, student, np.zeros(1), seed=seed).size[:, 0]
    return np.asarray(np.abs(population.drift(problem, student)) / (problem.dimension * variance))
