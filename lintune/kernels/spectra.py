"""Spectra of operators that can only be multiplied by: largest eigenvalues, and how all are spread."""

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from primate.lanczos import lanczos
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator, lobpcg

from lintune.errors import InputError, unknown_name

# Smoothing as Papyan (2020) has it: each node becomes a Gaussian bump that falls to 1 / kappa half way to
# the next, if nodes were spread evenly; and the share of the range that the grid goes beyond either end.
_KAPPA = {"log": 1.04, "linear": 3.0}
_MARGIN = 0.05
# A step of Lanczos shorter than this, times the square root of N, is rounding: all that the start reaches
# has been found.
_SHORTEST = 1e-12


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues of largest size, with a bound on the error of each.

    Attributes:
        values: `(count,)` float64, descending.
        vectors: `(N, count)` float64, orthonormal columns.
        residuals: `(count,)` norms of K u - lambda u. An eigenvalue of K is no further than this from
            each value.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray


def top_eigenvalues(
    operator: LinearOperator,
    count: int,
    *,
    tolerance: float = 1e-3,
    iterations: int = 30,
    seed: int = 0,
) -> Eigenpairs:
    """Return the largest eigenvalues of a positive semidefinite operator and their vectors.

    Two products with a random block, then scipy's `lobpcg` from there: one product with `count` vectors
    in each iteration, where Lanczos (`scipy.sparse.linalg.eigsh`, which takes the operator as well) makes
    a pass per vector. An operator not five times as large as `count` is written out instead.

    Args:
        operator: A `KernelOperator`, or any symmetric one of scipy.
        count: How many.
        tolerance: Residuals at which iterations end, relative to the largest eigenvalue; errors of
            eigenvalues that stand apart are about their squares. Float32 models reach about 1e-6.
        iterations: Most iterations; where they do not suffice, the residuals say so.
        seed: Seed of the random block.

    Raises:
        InputError: `count` is not from 1 to the operator's size, or `tolerance` or `iterations` is not
            positive.
    """
    size = operator.shape[0]
    if not 1 <= count <= size:
        raise InputError(f"count={count} must be from 1 to {size}, the size of the operator.")
    if not tolerance > 0 or iterations < 1:
        raise InputError(f"tolerance={tolerance} and iterations={iterations} must be positive.")
    if size <= 5 * count:
        return _written_out(operator, count)
    block = np.random.default_rng(seed).standard_normal((size, count))
    for _ in range(2):  # towards the top of the spectrum, and to know its scale
        block = operator.matmat(np.linalg.qr(block)[0])
    largest = float(np.linalg.norm(block, ord=2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it has not converged; the residuals tell
        values, vectors = lobpcg(
            operator, np.linalg.qr(block)[0], tol=tolerance * largest, maxiter=iterations, largest=True
        )
    order = np.argsort(values)[::-1]
    values, vectors = values[order], vectors[:, order]
    return _with_residuals(values, vectors, operator.matmat(vectors))


def _written_out(operator: LinearOperator, count: int) -> Eigenpairs:
    dense = operator.matmat(np.eye(operator.shape[0]))
    values, vectors = np.linalg.eigh((dense + dense.T) / 2)
    values, vectors = values[: -count - 1 : -1], vectors[:, : -count - 1 : -1]
    return _with_residuals(values, vectors, dense @ vectors)


def _with_residuals(values: np.ndarray, vectors: np.ndarray, products: np.ndarray) -> Eigenpairs:
    return Eigenpairs(values, vectors, np.linalg.norm(products - vectors * values, axis=0))


@dataclass(frozen=True)
class SpectralDensity:
    """How the eigenvalues of an operator are spread, estimated.

    Attributes:
        grid: `(points,)` float64, ascending places.
        density: `(points,)` float64, smoothed density of the N eigenvalues there; integrates to about 1.
        nodes: `(repeats, steps)` float64, Ritz values of each repeat.
        weights: `(repeats, steps)` float64, each row sums to 1; about 0 where Lanczos ended before. The
            mean over repeats of the sums of weights times f(nodes) estimates the mean of f over the
            eigenvalues, such as trace(K) / N.
    """

    grid: np.ndarray
    density: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray


def spectral_density(
    operator: LinearOperator,
    *,
    steps: int = 32,
    repeats: int = 1,
    points: int = 1024,
    scale: Literal["log", "linear"] = "log",
    floor: float = 1e-6,
    seed: int = 0,
) -> SpectralDensity:
    """Estimate the density of the eigenvalues of a positive semidefinite operator.

    Stochastic Lanczos quadrature (Papyan, 2020; Lanczos with full reorthogonalisation by primate):
    `steps` products with a vector in each repeat and one beforehand, which shows the operator's scale.

    Args:
        operator: A `KernelOperator`, or any symmetric one of scipy.
        steps: Steps of Lanczos, from 2 to the operator's size; those beyond the number of different
            eigenvalues add nothing.
        repeats: Random starts.
        points: Places of the grid, at least 2.
        scale: Smooth, and lay the grid, evenly in the logarithm of the eigenvalues, for spectra over
            several decades, or evenly in the eigenvalues.
        floor: On the logarithmic scale eigenvalues are raised by this times the largest.
        seed: Seed of the starts.

    Raises:
        InputError: An argument out of its range, or the operator is zero.
    """
    _check_density(operator, steps, repeats, points, scale, floor)
    starts = np.random.default_rng(seed).standard_normal((repeats, operator.shape[0]))
    size = _size(operator, starts[0])
    nodes, weights = np.array([_quadrature(operator, start, steps, size) for start in starts]).swapaxes(0, 1)
    return SpectralDensity(*_smoothed(nodes, weights, points, scale, floor), nodes, weights)


def _size(operator: LinearOperator, start: np.ndarray) -> float:
    """Return the length to which the operator brings a unit vector."""
    size = float(np.linalg.norm(operator.matvec(start))) / float(np.linalg.norm(start))
    if size == 0.0:
        raise InputError("operator is zero: its eigenvalues have no spread to estimate.")
    return size


def _quadrature(
    operator: LinearOperator, start: np.ndarray, steps: int, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights `(steps,)` from one run of Lanczos.

    The operator is divided by `size` meanwhile: primate takes an overlap with an earlier vector for
    rounding by its absolute value, and leaves it.
    """
    scaled = LinearOperator(operator.shape, lambda x: operator.matvec(x) / size, dtype=np.float64)
    diagonal, beside = lanczos(
        scaled, v0=start, deg=steps, rtol=_SHORTEST, orth=steps, return_basis=True, dtype=np.float64
    )[0]
    nodes, vectors = eigh_tridiagonal(diagonal, beside)
    return size * nodes, np.square(vectors[0])


def _smoothed(
    nodes: np.ndarray, weights: np.ndarray, points: int, scale: str, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid and the mean over repeats of the density there, both `(points,)`."""
    # Positive semidefinite, and Lanczos finds the largest eigenvalue first: the ends take no more products.
    ends = np.array([0.0, nodes.max()])
    if scale == "log":
        nodes, ends = (np.log(np.abs(values) + floor * ends[1]) for values in (nodes, ends))
    margin = _MARGIN * (ends[1] - ends[0])
    grid = np.linspace(ends[0] - margin, ends[1] + margin, points)
    width = (grid[-1] - grid[0]) / (nodes.shape[1] - 1) / math.sqrt(8 * math.log(_KAPPA[scale]))
    bumps = np.exp(-0.5 * np.square((grid - nodes[..., None]) / width)) / (width * math.sqrt(2 * math.pi))
    density = np.einsum("rs,rsp->p", weights, bumps) / len(weights)
    return (np.exp(grid), density / np.exp(grid)) if scale == "log" else (grid, density)


def _check_density(
    operator: LinearOperator, steps: int, repeats: int, points: int, scale: str, floor: float
) -> None:
    if not 2 <= steps <= operator.shape[0]:
        raise InputError(f"steps={steps} must be from 2 to {operator.shape[0]}, the size of the operator.")
    if repeats < 1 or points < 2:
        raise InputError(f"repeats={repeats} must be at least 1 and points={points} at least 2.")
    if scale not in ("log", "linear"):
        raise unknown_name("scale", scale, ("log", "linear"))
    if not 0 < floor < 1:
        raise InputError(f"floor={floor} must be between 0 and 1.")
