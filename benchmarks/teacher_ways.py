"""Projected online descent of many ReLU students in R^d: one after the other, and all at once.

Each way draws inputs in chunks, multiplies a whole chunk with the rows and takes it out of their span by
matrix products; what is left to a step is of size d and k. All float64.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from lintune.teacher import Problem, Student, Training
from lintune.teacher.draws import Inputs
from lintune.teacher.problem import unit

# Gives standard normal inputs of some instances: `(places, steps, d)`, from the places and the steps.
Draw = Callable[[np.ndarray, range], np.ndarray]


@dataclass(frozen=True, eq=False)
class World:
    """Instances of the problem and their students written out in R^d, u and u^ outside the span of the rows.

    Attributes:
        problem: The instances.
        axes: `(I, r + 2, d)` orthonormal: the span, u, and what is left of u^.
        rows: `(I, k, d)`.
        u_hat: `(I, d)`, c: `(I, k)` the students.
    """

    problem: Problem
    axes: np.ndarray
    rows: np.ndarray
    u_hat: np.ndarray
    c: np.ndarray

    @classmethod
    def of(cls, problem: Problem, student: Student, seed: int) -> "World":
        """Write out instances in random bases."""
        random, size = np.random.default_rng(seed), (int(problem.dimension[0]), problem.rank + 2)
        axes = np.stack([np.linalg.qr(random.standard_normal(size))[0].T for _ in range(len(problem))])
        span = axes[:, : problem.rank]
        return cls(problem, axes, problem.rows @ span, np.einsum("ir,ird->id", student.u, axes), student.c)

    @property
    def span(self) -> np.ndarray:
        """`(I, r, d)`."""
        return self.axes[:, :-2]

    @property
    def u(self) -> np.ndarray:
        """`(I, d)`."""
        return self.axes[:, -2]

    def seen(self, x: np.ndarray) -> Inputs:
        """Return inputs of one step `(I, d)` as the students in few coordinates see them."""
        left = unit(self.u_hat - np.vecdot(self.u_hat, self.u)[:, None] * self.u)
        span = np.einsum("ird,id->ir", self.span, x)
        along, aside = np.vecdot(x, self.u), np.vecdot(x, left)
        rest = np.vecdot(x, x) - np.vecdot(span, span) - along**2 - aside**2
        return Inputs(span[None], along[None], aside[None], rest[None])


def drawn(world: World, seed: int) -> Draw:
    """Return fresh inputs."""
    random, d = np.random.default_rng(seed), world.rows.shape[2]
    return lambda places, steps: random.standard_normal((len(places), len(steps), d))


def given(x: np.ndarray) -> Draw:
    """Return the inputs `(I, T, d)`."""
    return lambda places, steps: x[places, steps.start : steps.stop].copy()


def alone(
    world: World, training: Training, steps: int, chunk: int, draw: Draw
) -> tuple[np.ndarray, np.ndarray]:
    """Train one instance after the other; return u^ `(I, d)` and c^ `(I, k)`."""
    ends = [_one(world, place, training, steps, chunk, draw) for place in range(len(world.problem))]
    return np.stack([u_hat for u_hat, _ in ends]), np.stack([c for _, c in ends])


def _one(
    world: World, place: int, training: Training, steps: int, chunk: int, draw: Draw
) -> tuple[np.ndarray, np.ndarray]:
    problem, rows, span = world.problem, world.rows[place], world.span[place]
    readout, xi, sigma = problem.readout[place], float(problem.xi[place]), problem.activation
    rate, c_rate = float(training.rate), float(training.c_rate)
    u_hat, c, true = world.u_hat[place].copy(), world.c[place], xi * problem.c[place]
    change, norms, true_norms = xi * c, np.sqrt(1 + (xi * c) ** 2), np.sqrt(1 + true**2)
    for begin in range(0, steps, chunk):
        x = draw(np.array([place]), range(begin, min(begin + chunk, steps)))[0]
        base = x @ rows.T
        labels = sigma.value((base + true * (x @ world.u[place])[:, None]) / true_norms) @ readout
        x -= (x @ span.T) @ span
        for out, at_base, label in zip(x, base, labels, strict=True):
            q = out @ u_hat
            inner = (at_base + change * q) / norms
            slopes = readout * sigma.slope(inner) / norms
            error = 2 * (sigma.value(inner) @ readout - label)
            pull = rate * error * (slopes @ change)
            if c_rate:
                to_c = error * xi * slopes * (q - inner * change / norms)
                c = c - c_rate * (to_c - (to_c @ c) * c)
                c /= np.sqrt(c @ c)
                change, norms = xi * c, np.sqrt(1 + (xi * c) ** 2)
            u_hat *= 1 + pull * q
            u_hat -= pull * out
            u_hat /= np.sqrt(u_hat @ u_hat)
    return u_hat, c


def together(
    world: World, training: Training, steps: int, chunk: int, draw: Draw
) -> tuple[np.ndarray, np.ndarray]:
    """Train all instances at once, with numpy; return u^ and c^ as `alone`."""
    problem, sigma = world.problem, world.problem.activation
    readout, xi, true = problem.readout, problem.xi[:, None], problem.xi[:, None] * problem.c
    rate, c_rate = float(training.rate), float(training.c_rate)
    u_hat, c, true_norms = world.u_hat.copy(), world.c, np.sqrt(1 + true**2)[:, None]
    change, norms = xi * c, np.sqrt(1 + (xi * c) ** 2)
    for begin in range(0, steps, chunk):
        x = draw(np.arange(len(problem)), range(begin, min(begin + chunk, steps)))
        base = x @ world.rows.transpose(0, 2, 1)
        inner = (base + true[:, None] * (x @ world.u[..., None])) / true_norms
        labels = np.vecdot(sigma.value(inner), readout[:, None])
        x -= (x @ world.span.transpose(0, 2, 1)) @ world.span
        for step in range(x.shape[1]):
            out = x[:, step]
            q = np.vecdot(out, u_hat)[:, None]
            inner = (base[:, step] + change * q) / norms
            slopes = readout * sigma.slope(inner) / norms
            error = 2 * (np.vecdot(sigma.value(inner), readout) - labels[:, step])[:, None]
            pull = rate * error * np.vecdot(slopes, change)[:, None]
            if c_rate:
                to_c = error * xi * slopes * (q - inner * change / norms)
                c = c - c_rate * (to_c - np.vecdot(to_c, c)[:, None] * c)
                c /= np.sqrt(np.vecdot(c, c))[:, None]
                change, norms = xi * c, np.sqrt(1 + (xi * c) ** 2)
            u_hat *= 1 + pull * q
            u_hat -= pull * out
            u_hat /= np.sqrt(np.vecdot(u_hat, u_hat))[:, None]
    return u_hat, c


@torch.no_grad()
def by_torch(
    world: World, training: Training, steps: int, chunk: int, draw: Draw | int
) -> tuple[np.ndarray, np.ndarray]:
    """Train all instances at once, with torch, ReLU; return u^ and c^ as `alone`.

    Args:
        world: The instances.
        training: How to train.
        steps: Number of steps.
        chunk: Steps whose inputs are drawn at once.
        draw: Inputs, or the seed of torch's own.
    """
    problem, tensor = world.problem, torch.from_numpy
    readout, xi = tensor(problem.readout), tensor(problem.xi)[:, None]
    rows, span, u = tensor(world.rows), tensor(np.ascontiguousarray(world.span)), tensor(world.u.copy())
    rate, c_rate, true = float(training.rate), float(training.c_rate), xi * tensor(problem.c)
    u_hat, c, true_norms = tensor(world.u_hat.copy()), tensor(world.c.copy()), (1 + true**2).sqrt()[:, None]
    change, norms = xi * c, (1 + (xi * c) ** 2).sqrt()
    inputs = _torch_draw(world, draw) if isinstance(draw, int) else None
    for begin in range(0, steps, chunk):
        span_of_steps = range(begin, min(begin + chunk, steps))
        x = inputs(len(span_of_steps)) if inputs else tensor(draw(np.arange(len(problem)), span_of_steps))  # type: ignore[operator]
        base = x @ rows.mT
        labels = (((base + true[:, None] * (x @ u[..., None])) / true_norms).relu() @ readout[..., None])[
            ..., 0
        ]
        x -= (x @ span.mT) @ span
        for step in range(x.shape[1]):
            out = x[:, step]
            q = (out * u_hat).sum(1, keepdim=True)
            inner = (base[:, step] + change * q) / norms
            slopes = readout * (inner > 0) / norms
            error = 2 * ((inner.relu() * readout).sum(1) - labels[:, step])[:, None]
            pull = rate * error * (slopes * change).sum(1, keepdim=True)
            if c_rate:
                to_c = error * xi * slopes * (q - inner * change / norms)
                c = c - c_rate * (to_c - (to_c * c).sum(1, keepdim=True) * c)
                c /= c.norm(dim=1, keepdim=True)
                change, norms = xi * c, (1 + (xi * c) ** 2).sqrt()
            u_hat *= 1 + pull * q
            u_hat -= pull * out
            u_hat /= u_hat.norm(dim=1, keepdim=True)
    return u_hat.numpy(), c.numpy()


def _torch_draw(world: World, seed: int) -> Callable[[int], torch.Tensor]:
    random, (count, _, d) = torch.Generator().manual_seed(seed), world.rows.shape
    return lambda steps: torch.randn((count, steps, d), dtype=torch.float64, generator=random)
