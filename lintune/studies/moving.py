"""What the book's movable figures show: one small set of numbers for each place of a slider."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lintune import teacher
from lintune.errors import InputError
from lintune.spectrum import eigenvalues
from lintune.studies import student_teacher
from lintune.studies.lora_kernel import Measured
from lintune.teacher import Training, linear, population

# Digits kept of numbers that are only drawn.
_DIGITS = 4


def grown(parts: np.ndarray, counts: Sequence[int], classes: int) -> list[dict[str, Any]]:
    """Return a kernel at some moments while it grows by its parts, in order.

    Args:
        parts: `(G, N, N)` kernels of contrasts, N = n (classes - 1), those of an example side by side.
        counts: Numbers of parts in the kernel, from 1 to G.
        classes: Number of classes.

    Returns:
        A row per count: `count`, `eigenvalues` `(N,)`, descending, and `cosines` `(n, n)` between the
        gradients of examples (trace over contrasts, normalised to a unit diagonal).

    Raises:
        InputError: A count is not between 1 and the number of parts.
    """
    if not all(1 <= count <= len(parts) for count in counts):
        raise InputError(f"counts={list(counts)} must be between 1 and the number of parts, {len(parts)}.")
    sums, rows = np.cumsum(parts, axis=0), []
    for count in counts:
        kernel = sums[count - 1]
        outputs = classes - 1
        n = len(kernel) // outputs
        traces = np.trace(kernel.reshape(n, outputs, n, outputs), axis1=1, axis2=3)
        norms = np.sqrt(np.diag(traces))
        found = {"eigenvalues": eigenvalues(kernel).clip(0), "cosines": traces / np.outer(norms, norms)}
        rows.append({"count": count, **{name: _short(each) for name, each in found.items()}})
    return rows


def lora_by_rank(
    measured: Measured, distribution: str, ranks: Sequence[int], seed: int
) -> list[dict[str, Any]]:
    """Return LoRA's kernel, summed over layers, at each rank and for one draw of A.

    Args:
        measured: Kernels of the weights and of LoRA.
        distribution: Of A, one that was measured.
        ranks: Ranks that were measured.
        seed: Draw that was measured.

    Returns:
        A row per rank, the kernel of the weights last: `rank` (None for that of the weights), `kernel`
        `(N, N)` over the largest entry of that of the weights, and `error`, the norm of its difference to
        that of the weights over the norm of that.
    """
    whole = measured.weights.sum(axis=0)
    kernels = [measured.projected[distribution, rank, seed].sum(axis=0) for rank in ranks]
    return [
        {
            "rank": rank,
            "kernel": _short(kernel / np.abs(whole).max()),
            "error": float(np.linalg.norm(kernel - whole) / np.linalg.norm(whole)),
        }
        for rank, kernel in zip([*ranks, None], [*kernels, whole], strict=True)
    ]


def students(
    ratios: Sequence[float],
    width: int,
    seed: int,
    *,
    dimension: int = 30,
    instances: int = 6,
    length: float = 8.0,
    points: int = 40,
) -> list[dict[str, Any]]:
    """Train a network and its tangent model on teachers whose change is larger and larger; c is known.

    Args:
        ratios: xi / sqrt(k).
        width: k, of base networks with rows on the sphere and ReLU.
        seed: Seed of everything.
        dimension: d.
        instances: Teachers at each ratio.
        length: Steps in units of 1 / (eta |h(0)|), by the median teacher.
        points: Steps that are looked at.

    Returns:
        A row per ratio: `ratio`, `times` `(S,)` in that unit; the losses over that of the base network,
        of the `network` and of the student `linear` in the weights `(I, S)`; and `plateau` `(I,)`, the
        least that a linear student can have.
    """
    rows = []
    for ratio in ratios:
        given = teacher.problem(
            "relu",
            width,
            dimension,
            ratio * width**0.5,
            base="sphere",
            quantised=False,
            instances=instances,
            seed=seed,
        )
        start = teacher.start(given, seed, agreeing=width)
        rate = 0.5 * float(np.median(teacher.unit_rate(given, start)))
        pace = rate * float(np.median(np.abs(population.drift(given, start))))
        ways = {
            "network": Training(rate, 0.0),
            "linear": Training(0.3 * rate, 0.0, student="linear", unit=False),
        }
        found = student_teacher.instances(given, start, ways, round(length / pace), points, seed)
        size = population.size(given)
        losses = {way: _short(np.array(found[way]["loss"]) / size[:, None]) for way in ways}
        times = _short(np.asarray(found["steps"]) * pace)
        plateau = _short(linear.plateau(given, given.c) / size)
        rows.append({"ratio": float(ratio), "times": times, **losses, "plateau": plateau})
    return rows


def _short(values: np.ndarray) -> np.ndarray:
    """Return numbers with a few digits only, which is all that a picture shows."""
    exponent = np.floor(np.log10(np.abs(values), out=np.zeros(np.shape(values)), where=np.abs(values) > 0))
    unit = 10.0 ** (exponent - _DIGITS + 1)
    return np.asarray(np.round(values / unit) * unit)
