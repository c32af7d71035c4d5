"""Online gradient descent of the student, many instances at once, exactly in law and without vectors of R^d.

The input of a step is standard normal, so all that the next state depends on is: its coordinates in the span
of the rows, along u, along what is left of u^, and the squared norm of the rest, a chi-squared number. The
proof is in the book's chapter on the student and its teacher; `direct` is the same written out in R^d.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from tqdm.auto import tqdm

from lintune.errors import DivergedError, InputError
from lintune.teacher.draws import Inputs, draw
from lintune.teacher.gradients import FORMS, Linear, Network
from lintune.teacher.problem import Problem, unit
from lintune.teacher.student import Student
from lintune.teacher.training import Training

# Numbers of one chunk of inputs: (steps, instances, rank).
_CHUNK = 1 << 16


class Descent:
    """One step after the other."""

    def __init__(self, problem: Problem, training: Training) -> None:
        """Take the instances and how to train them.

        Raises:
            InputError: There are other numbers of step sizes than of instances.
        """
        self._problem = problem
        self._training = training
        self._rate, self._c_rate = training.rates(len(problem))
        self._trains_c, self._outside, self._unit = training.trains_c, training.outside, training.unit
        self._form: Network | Linear | None = None
        self._formed_for: np.ndarray | None = None

    def advance(
        self, student: Student, inputs: Inputs, base: np.ndarray, labels: np.ndarray, step: int
    ) -> Student:
        """Return the students after one step.

        Args:
            student: Where they are.
            inputs: Inputs of several steps.
            base: `(T, I, k)` <w_i, x>.
            labels: `(T, I)` the teacher's outputs.
            step: Which of them to take.
        """
        q = student.along * inputs.along[step] + student.aside * inputs.aside[step]
        leaning: np.ndarray | float = 0.0
        if not self._outside:
            q += np.vecdot(student.inside, inputs.span[step])
            leaning = np.vecdot(self._problem.rows, student.inside[:, None])
        form = self._formed(student.c, leaning)
        found = form(base[step], q)
        error = 2 * (found.value - labels[step])
        c = student.c
        if self._trains_c:
            c = self._moved_c(c, error[:, None] * form.to_c(found, q))
        rows = None if self._outside else error[:, None] * form.to_rows(found)
        return self._moved_u(student, c, error * found.pull, q, leaning, rows, inputs, step)

    def _moved_u(
        self,
        student: Student,
        c: np.ndarray,
        pull: np.ndarray,
        q: np.ndarray,
        leaning: np.ndarray | float,
        rows: np.ndarray | None,
        inputs: Inputs,
        step: int,
    ) -> Student:
        """Step along y = pull x - sum_i rows_i w_i, less its part along u^ where that has norm 1."""
        rate, inside, back = self._rate, student.inside, pull * q
        if rows is not None:
            back -= np.vecdot(rows, leaning)
            y = pull[:, None] * inputs.span[step] - np.einsum("ik,ikr->ir", rows, self._problem.rows)
            inside = inside - rate[:, None] * (y - back[:, None] * inside)
        pulled, kept = rate * pull, 1.0 + rate * back if self._unit else 1.0
        along = student.along * kept - pulled * inputs.along[step]
        left = student.aside * kept - pulled * inputs.aside[step]
        aside = np.sqrt(left * left + pulled * pulled * inputs.rest[step])
        if not self._unit:
            return Student(inside, along, aside, c)
        squares = along * along + aside * aside
        if rows is None:
            norm = np.sqrt(squares)
        else:
            norm = np.sqrt(squares + np.vecdot(inside, inside))
            inside = inside / norm[:, None]
        return Student(inside, along / norm, aside / norm, c)

    def _moved_c(self, c: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        if not self._unit:
            return np.asarray(c - self._c_rate[:, None] * gradient)
        along = np.vecdot(gradient, c)[:, None]
        return unit(c - self._c_rate[:, None] * (gradient - along * c))

    def _formed(self, c: np.ndarray, leaning: np.ndarray | float) -> Network | Linear:
        """Return the student's function; the same one as long as neither c^ nor the rows move."""
        if self._form is None or self._formed_for is not c or not self._outside:
            self._form, self._formed_for = FORMS[self._training.student](self._problem, c, leaning), c
        return self._form


def walk(
    problem: Problem, training: Training, student: Student, steps: int, seed: int
) -> Iterator[tuple[int, Student]]:
    """Yield the students before the first step and after each one.

    Args:
        problem: The instances.
        training: How to train.
        student: Where they start (see `student.start`).
        steps: Number of steps.
        seed: Seed of the inputs.

    Raises:
        InputError: There are other numbers of step sizes than of instances.
        DivergedError: A student leaves the finite numbers.
    """
    random, descent = np.random.default_rng(seed), Descent(problem, training)
    chunk = max(1, _CHUNK // (len(problem) * max(problem.rank, problem.width)))
    yield 0, student
    done = 0
    while done < steps:
        inputs = draw(problem, min(chunk, steps - done), random)
        base = inputs.base(problem)
        labels = inputs.labels(problem, base)
        for step in range(len(labels)):
            student = descent.advance(student, inputs, base, labels, step)
            done += 1
            yield done, student
        if not np.isfinite(student.along).all():
            raise DivergedError(f"rate={training.rate}: a student left the finite numbers by step {done}.")


def paths(
    problem: Problem, training: Training, student: Student, at: Sequence[int], seed: int
) -> dict[int, Student]:
    """Return the students at some steps.

    Args:
        problem: The instances.
        training: How to train.
        student: Where they start.
        at: The steps; training ends at the last.
        seed: Seed of the inputs.

    Raises:
        InputError: A step is negative, or there is none; or as `walk`.
        DivergedError: A student leaves the finite numbers.
    """
    if not len(at) or min(at) < 0:
        raise InputError(f"at={list(at)} must be steps from 0 on.")
    wanted, last = {int(step) for step in at}, int(max(at))
    steps = tqdm(
        walk(problem, training, student, last, seed), total=last + 1, desc="descent", unit="step", leave=False
    )
    return {step: found for step, found in steps if step in wanted}
