"""A learner from scratch: all k rows are trained from random ones, with nothing known but the readout.

The teacher is sum_i lambda_i sigma(<v_i, x>) with orthonormal v_i, which is what theorem 3's construction
(`bases.hiding`, xi = 1) is after its change. With k = 1 it is a single-index model. The paper bounds what
statistical queries can do from scratch; that online gradient descent be run on it is ours.
"""

from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.teacher.activations import Activation, activation
from lintune.teacher.problem import unit

# Numbers of one chunk of inputs: (steps, instances, d).
_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Scratch:
    """Instances of one dimension; the v_i are the first k unit vectors of R^d, without loss.

    Attributes:
        readout: `(I, k)` lambda, of teacher and learner.
        dimension: d, at least k.
        activation: sigma.
    """

    readout: np.ndarray
    dimension: int
    activation: Activation

    def __post_init__(self) -> None:
        """Refuse too few dimensions."""
        if self.readout.ndim != 2 or self.dimension < self.readout.shape[1]:
            raise InputError(
                f"dimension={self.dimension} must be at least the width of readout {self.readout.shape}."
            )

    def start(self, seed: int) -> np.ndarray:
        """Return rows `(I, k, d)` uniform on the sphere."""
        shape = (*self.readout.shape, self.dimension)
        return unit(np.random.default_rng(seed).standard_normal(shape))

    def step(self, rows: np.ndarray, x: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """Return the rows `(I, k, d)` after a step of projected descent on (f^ - f*)^2.

        Args:
            rows: `(I, k, d)` of norm 1.
            x: `(I, d)` an input for each instance.
            rate: `(I,)` eta.
        """
        inner = np.matmul(rows, x[..., None])[..., 0]
        target = self.activation.value(x[:, : self.readout.shape[1]])
        error = np.vecdot(self.readout, self.activation.value(inner) - target)
        pull = (2 * rate * error)[:, None] * self.readout * self.activation.slope(inner)
        # Along the sphere: x less its part along the row.
        return unit(rows * (1 + pull * inner)[..., None] - pull[..., None] * x[:, None])

    def take(self, places: np.ndarray) -> "Scratch":
        """Return some instances."""
        return Scratch(self.readout[places], self.dimension, self.activation)


def nearness(rows: np.ndarray) -> np.ndarray:
    """Return the size of the overlap of each row with the v_i that it is nearest to, `(I, k)`."""
    return np.abs(rows[..., : rows.shape[1]]).max(-1)


def arrivals(
    given: Scratch, rate: float | np.ndarray, bound: float, most: int, seed: int, *, start: int = 0
) -> np.ndarray:
    """Train until every row is near some v_i, or the steps are over.

    Args:
        given: The instances.
        rate: eta, one or `(I,)`.
        bound: Size of the overlap to be reached, between 0 and 1.
        most: Steps at most.
        seed: Seed of the inputs.
        start: Seed of the first rows.

    Returns:
        `(I, 2)` the first step at which some row is near, and the first by which all have been; NaN where
        that did not come (censored).

    Raises:
        InputError: The bound is not between 0 and 1, or there are other numbers of step sizes than of
            instances.
    """
    if not 0 < bound <= 1:
        raise InputError(f"bound={bound} must be between 0 and 1.")
    count, width = given.readout.shape
    eta = np.asarray(rate, dtype=float)
    if eta.shape not in ((), (count,)):
        raise InputError(f"rate has shape {eta.shape}; one number, or {count} for the instances.")
    eta = np.array(np.broadcast_to(eta, (count,)))
    random, rows, done = np.random.default_rng(seed), given.start(start), 0
    first, left = np.full((count, width), np.nan), np.arange(count)
    first[nearness(rows) >= bound] = 0
    while True:
        kept = np.isnan(first[left]).any(1)
        left, rows = left[kept], rows[kept]
        if not len(left) or done >= most:
            # A row that never came leaves "all" NaN, and "some" as it is.
            some = np.where(np.isnan(first), np.inf, first).min(1)
            return np.stack([np.where(np.isinf(some), np.nan, some), first.max(1)], axis=1)
        here, steps = given.take(left), _length(len(left), given.dimension, most - done)
        inputs = random.standard_normal((steps, len(left), given.dimension))
        for step in range(steps):
            rows = here.step(rows, inputs[step], eta[left])
            done += 1
            near = np.isnan(first[left]) & (nearness(rows) >= bound)
            if near.any():
                instances, places = np.nonzero(near)
                first[left[instances], places] = done


def _length(count: int, dimension: int, remaining: int) -> int:
    return max(1, min(_CHUNK // (count * dimension), remaining))


def scratch(sigma: str | Activation, readout: np.ndarray, dimension: int) -> Scratch:
    """Return instances with a given readout `(I, k)` in d dimensions."""
    return Scratch(np.asarray(readout, dtype=float), int(dimension), activation(sigma))
