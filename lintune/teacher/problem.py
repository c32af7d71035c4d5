"""The student-teacher problem: a base network, and a teacher one rank-one change of its weights away.

The base network is f(x) = sum_i lambda_i sigma(<w_i, x>) with k unit rows w_i in R^d. The teacher's rows are
w_i + xi c_i u with unit vectors c and u, brought back to norm 1; inputs are standard normal (Dayi and Chen,
"Gradient dynamics for low-rank fine-tuning beyond kernels"). The student knows the base network and learns u,
and c where it may.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from lintune.errors import InputError
from lintune.teacher import bases
from lintune.teacher.activations import Activation, activation

Base = Literal["orthonormal", "sphere"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Instances of the problem, as many as there are; all arrays float64.

    Attributes:
        rows: `(I, k, r)` the rows w_i, in coordinates of an orthonormal basis of their span.
        readout: `(I, k)` lambda.
        c: `(I, k)` of norm 1.
        inside: `(I, r)` the part of u in the span of the rows, in the same coordinates; 0 for u orthogonal to
            them.
        xi: `(I,)` size of the change.
        dimension: `(I,)` d.
        activation: sigma.
    """

    rows: np.ndarray
    readout: np.ndarray
    c: np.ndarray
    inside: np.ndarray
    xi: np.ndarray
    dimension: np.ndarray
    activation: Activation

    def __post_init__(self) -> None:
        """Refuse shapes that do not fit, rows and c of another norm, and too few dimensions."""
        count, width, rank = self.rows.shape
        for name, shape in (
            ("readout", (count, width)),
            ("c", (count, width)),
            ("inside", (count, rank)),
            ("xi", (count,)),
            ("dimension", (count,)),
        ):
            if getattr(self, name).shape != shape:
                raise InputError(f"{name} of shape {getattr(self, name).shape} must be {shape}.")
        for name in ("rows", "c"):
            if not np.allclose(np.linalg.norm(getattr(self, name), axis=-1), 1.0):
                raise InputError(f"{name} must have norm 1.")
        if (np.linalg.norm(self.inside, axis=-1) > 1 + 1e-12).any():
            raise InputError("inside is a part of the unit vector u: its norm is at most 1.")
        if (self.dimension < rank + 2).any():
            raise InputError(
                f"dimension={self.dimension.min()} must be at least {rank + 2}: the span, u, one more."
            )
        if not (np.isfinite(self.xi).all() and (self.xi > 0).all()):
            raise InputError(f"xi={self.xi.min()} must be positive and finite.")

    def __len__(self) -> int:
        """Return the number of instances."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Number k of rows."""
        return int(self.rows.shape[1])

    @property
    def rank(self) -> int:
        """Dimension r of their span."""
        return int(self.rows.shape[2])

    @cached_property
    def outside(self) -> np.ndarray:
        """`(I,)` norm of the part of u outside the span."""
        return np.sqrt(np.maximum(1 - np.square(self.inside).sum(1), 0))

    @cached_property
    def teacher(self) -> np.ndarray:
        """`(I, k, r + 2)` unit rows of the teacher: in the span, along u outside it, and a zero."""
        change = (self.xi[:, None] * self.c)[..., None]
        u = np.concatenate([self.inside, self.outside[:, None], np.zeros((len(self), 1))], axis=1)
        return unit(self.base + change * u[:, None])

    @cached_property
    def base(self) -> np.ndarray:
        """`(I, k, r + 2)` rows of the base network in the same coordinates."""
        return np.concatenate([self.rows, np.zeros((len(self), self.width, 2))], axis=2)

    def take(self, places: np.ndarray | Sequence[int]) -> "Problem":
        """Return some instances, in the given order."""
        arrays = ("rows", "readout", "c", "inside", "xi", "dimension")
        return replace(self, **{name: getattr(self, name)[places] for name in arrays})


def problem(
    sigma: str | Activation,
    width: int,
    dimension: int | Sequence[int],
    xi: float | Sequence[float],
    *,
    base: Base | np.ndarray = "orthonormal",
    inside: float = 0.0,
    quantised: bool = True,
    instances: int = 1,
    seed: int = 0,
) -> Problem:
    """Draw instances: the readout of random signs, c of random signs over sqrt(k).

    Sequences of `dimension` and `xi` have one entry per instance.

    Args:
        sigma: The activation or its name.
        width: k.
        dimension: d.
        xi: Size of the change.
        base: Orthonormal rows, rows uniform on the sphere of R^d, or given rows `(k, r)` (see `bases`).
        inside: Norm of the part of u in the span of the rows, in a random direction there.
        quantised: Whether c has entries of one size (the paper's assumption 3); else it is uniform on the
            sphere.
        instances: How many.
        seed: Seed of all draws.

    Raises:
        InputError: A number is out of its range, or a sequence has another length.
    """
    if instances < 1:
        raise InputError(f"instances={instances} must be at least 1.")
    if not 0 <= inside <= 1:
        raise InputError(f"inside={inside} must be from 0 to 1.")
    random = np.random.default_rng(seed)
    d, size = (_each(name, value, instances) for name, value in (("dimension", dimension), ("xi", xi)))
    rows = np.stack([_rows(base, width, int(one), random) for one in d])
    k, r = rows.shape[1:]
    c = random.choice([-1.0, 1.0], (instances, k)) if quantised else random.standard_normal((instances, k))
    return Problem(
        rows,
        random.choice([-1.0, 1.0], (instances, k)),
        unit(c),
        inside * unit(random.standard_normal((instances, r))),
        size.astype(float),
        d.astype(int),
        activation(sigma),
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `(..., n)` over their norms."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _each(name: str, value: float | Sequence[float], count: int) -> np.ndarray:
    found = np.asarray(value)
    if found.shape not in ((), (count,)):
        raise InputError(f"{name} has {found.size} entries; one, or one for each of {count} instances.")
    return np.array(np.broadcast_to(found, (count,)))


def _rows(base: Base | np.ndarray, width: int, dimension: int, random: np.random.Generator) -> np.ndarray:
    if isinstance(base, np.ndarray):
        if base.ndim != 2 or len(base) != width:
            raise InputError(f"base of shape {base.shape} must be rows (k, r) with width={width}.")
        return base
    if base not in ("orthonormal", "sphere"):
        raise InputError(f"base={base!r} must be 'orthonormal', 'sphere', or rows (k, r).")
    return bases.orthonormal(width) if base == "orthonormal" else bases.sphere(width, dimension, random)
