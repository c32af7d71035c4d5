"""Instances of the student-teacher problem at random, and one of them written out in R^d."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lintune.teacher.activations import ACTIVATIONS, Activation
from lintune.teacher.direct import Direct
from lintune.teacher.draws import Inputs
from lintune.teacher.problem import Problem, problem, unit
from lintune.teacher.student import Student, start

NAMES = sorted(ACTIVATIONS)
TANH = Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2)


def instances(sigma: str | Activation, seed: int, count: int = 1, *, inside: float = 0.0) -> Problem:
    """Return instances of random size, rows on the sphere, c not quantised."""
    random = np.random.default_rng(seed)
    width = int(random.integers(1, 6))
    dimension = width + int(random.integers(2, 9))
    xi = list(random.uniform(0.3, 3.0, count))
    return problem(
        sigma,
        width,
        dimension,
        xi,
        base="sphere",
        inside=inside,
        quantised=False,
        instances=count,
        seed=seed,
    )


def student_of(given: Problem, seed: int, *, inside: bool = False) -> Student:
    """Return students with unit c^ that are not quantised, and u^ with a part in the span where asked."""
    random, found = np.random.default_rng(seed), start(given, seed)
    c = unit(random.standard_normal(given.c.shape))
    part = random.standard_normal(found.inside.shape) * (0.3 if inside else 0.0)
    u = unit(np.concatenate([part, found.along[:, None], found.aside[:, None]], axis=1))
    return Student(u[:, :-2], u[:, -2], u[:, -1], c)


@dataclass(eq=False)
class World:
    """One instance in R^d, in a random orthonormal basis.

    Attributes:
        problem: One instance.
        axes: `(d, d)` orthonormal rows: the span's, then the direction of u outside it, then the others.
    """

    problem: Problem
    axes: np.ndarray

    @classmethod
    def of(cls, given: Problem, seed: int) -> "World":
        """Draw a basis."""
        d = int(given.dimension[0])
        return cls(given, np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0].T)

    @cached_property
    def span(self) -> np.ndarray:
        """`(r, d)`."""
        return self.axes[: self.problem.rank]

    @cached_property
    def out(self) -> np.ndarray:
        """`(d,)` the direction of u outside the span."""
        return self.axes[self.problem.rank]

    @cached_property
    def u(self) -> np.ndarray:
        """`(d,)`."""
        return np.asarray(self.problem.inside[0] @ self.span + self.problem.outside[0] * self.out)

    @cached_property
    def rows(self) -> np.ndarray:
        """`(k, d)`."""
        return np.asarray(self.problem.rows[0] @ self.span)

    def placed(self, student: Student) -> np.ndarray:
        """Return u^ `(d,)`."""
        rest = student.aside[0] * self.axes[self.problem.rank + 1]
        return np.asarray(student.inside[0] @ self.span + student.along[0] * self.out + rest)

    def direct(self, student: Student) -> Direct:
        """Return teacher and student written out."""
        given = self.problem
        return Direct(
            self.rows,
            given.readout[0],
            given.c[0],
            self.u,
            student.c[0].copy(),
            self.placed(student),
            float(given.xi[0]),
            given.activation,
        )

    def seen(self, x: np.ndarray, u_hat: np.ndarray) -> Inputs:
        """Return an input `(d,)` in the coordinates of the student that is at u^."""
        left = u_hat - self.span.T @ (self.span @ u_hat) - self.out * (self.out @ u_hat)
        inside, along, aside = self.span @ x, self.out @ x, unit(left) @ x
        rest = x @ x - inside @ inside - along**2 - aside**2
        return Inputs(inside[None, None], *(np.full((1, 1), each) for each in (along, aside, rest)))


@dataclass(eq=False)
class LinearDirect:
    """The linear student in R^d: f + sum_i lambda_i sigma'(<w_i, x>) xi c^_i <u^, x>, u^ outside the span."""

    teacher: Direct
    unit: bool

    def gradients(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients of the squared error for u^, projected out of the span, and c^."""
        at = self.teacher
        inner, q = at.rows @ x, at.u_hat @ x
        slopes = at.readout * at.activation.slope(inner) * at.xi
        value = at.readout @ at.activation.value(inner) + slopes @ at.c_hat * q
        error = 2 * (value - at.value(x, at.c, at.u))
        outside = x - np.linalg.pinv(at.rows) @ (at.rows @ x)
        return error * (slopes @ at.c_hat) * outside, error * slopes * q

    def step(self, x: np.ndarray, rate: float, c_rate: float = 0.0) -> None:
        """Take one step of descent, along the spheres where they are unit."""
        at = self.teacher
        to_u, to_c = self.gradients(x)
        moved = []
        for point, gradient, size in ((at.u_hat, to_u, rate), (at.c_hat, to_c, c_rate)):
            along = (gradient @ point) * point if self.unit else 0.0
            after = point - size * (gradient - along)
            moved.append(unit(after) if self.unit else after)
        at.u_hat, at.c_hat = moved


def turned(given: Problem, student: Student, seed: int) -> tuple[Problem, Student]:
    """Return the same with other coordinates of the span."""
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((given.rank, given.rank)))[0]
    return (
        replace(given, rows=given.rows @ q, inside=given.inside @ q),
        replace(student, inside=student.inside @ q),
    )
