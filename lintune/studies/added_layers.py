"""Kernels that grow layer by layer, each addition beside the bounds that theory sets it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg

from lintune import theory
from lintune.errors import InputError
from lintune.kernels import BlockKernel, flat
from lintune.spectrum import condition_number, eigenvalues

# A ratio counts as a rise, and a bound as broken, from this far above 1; rounding stays far below.
TOLERANCE = 1e-6


def blocks_of(layers: Sequence[str]) -> list[list[str]]:
    """Return the names of layers by block of the model, from the input to the output.

    The block is the first number in a name, as 3 in `model.layers.3.mlp.up_proj`.

    Raises:
        InputError: A name has no number.
    """
    found: dict[int, list[str]] = {}
    for name in layers:
        numbers = [int(part) for part in name.split(".") if part.isdigit()]
        if not numbers:
            raise InputError(f"layer {name!r} is in no numbered block.")
        found.setdefault(numbers[0], []).append(name)
    return [found[number] for number in sorted(found)]


def kinds_of(layers: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the layers of `attention` and of the `MLP`, told apart by name."""
    of_attention = [name for name in layers if "attn" in name or "attention" in name]
    return {"attention": of_attention, "MLP": [name for name in layers if name not in of_attention]}


def grams(kernel: BlockKernel, groups: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the Gram matrix of each group of layers, scaled so that the mean eigenvalue of all is 1.

    Args:
        kernel: `(n, k, n, k)` kernel with a block per layer.
        groups: G groups of names of its layers.

    Returns:
        `(G, N, N)` with N = n k, symmetric. The scale is that of the kernel of all its layers, whether or
        not they are in a group.
    """
    scaled = kernel.normalised("trace")
    place = {name: at for at, name in enumerate(scaled.layers)}
    summed = [flat(scaled.blocks[[place[name] for name in group]].sum(axis=0)) for group in groups]
    return np.array([(gram + gram.T) / 2 for gram in summed])


def addition(base: np.ndarray, added: np.ndarray, targets: np.ndarray, ridge: float) -> dict[str, Any]:
    """Describe what adding one kernel to another does, and what the bounds say.

    Args:
        base: `(N, N)` kernel K.
        added: `(N, N)` kernel S.
        targets: `(N,)` targets of the ridge regression.
        ridge: Ridge in the units of the kernels, positive.

    Returns:
        `before` and `after`, the eigenvalues `(N,)`, descending; `weyl` and `relative`, each the lower and
        the upper bounds on `after`; `condition`, its value `before` and `after` and the `mediant` (None
        where infinite); `residual`, the `ratio` after to before, its `range` over all targets and the
        `bounds`; `objective`, the `ratio` of the regularised losses and its `range`.
    """
    grown = base + added
    before, after = eigenvalues(base).clip(0), eigenvalues(grown)
    low, high = theory.relative_change(base, added, ridge)
    residuals = [theory.ridge_residual(kernel, targets, ridge) for kernel in (base, grown)]
    objectives = [theory.ridge_objective(kernel, targets, ridge) for kernel in (base, grown)]
    return {
        "before": before,
        "after": after,
        "weyl": theory.weyl(base, added),
        "relative": ((1 + low) * (before + ridge) - ridge, (1 + high) * (before + ridge) - ridge),
        "condition": {
            "before": _finite(condition_number(base)),
            "after": _finite(condition_number(grown)),
            "mediant": _finite(theory.condition_bound(base, added)),
        },
        "residual": {
            "ratio": residuals[1] / residuals[0],
            "range": theory.residual_ratio_range(base, added, ridge),
            "bounds": theory.residual_ratio_bounds(base, added, ridge),
        },
        "objective": {
            "ratio": objectives[1] / objectives[0],
            "range": theory.objective_ratio_range(base, added, ridge),
        },
    }


def growth(parts: np.ndarray, targets: np.ndarray, ridge: float) -> list[dict[str, Any]]:
    """Describe each addition while a kernel grows by its parts, in order.

    Args:
        parts: `(G, N, N)` kernels; the first is where it starts.
        targets: `(N,)` targets.
        ridge: Ridge in the units of the kernels, positive.

    Returns:
        G - 1 descriptions, as `addition` gives them.
    """
    sums = np.cumsum(parts, axis=0)
    return [addition(base, added, targets, ridge) for base, added in zip(sums[:-1], parts[1:], strict=True)]


def single_layers(
    kernel: BlockKernel, targets: Mapping[str, np.ndarray], ridge: float
) -> dict[str, dict[str, float]]:
    """Count what rises when one layer is added to all blocks above its own, for each cut of the model.

    The kernel is that of the blocks from some block up; a single layer of any block below is added.

    Args:
        kernel: `(n, k, n, k)` kernel with a block per layer.
        targets: Targets `(N,)`, or several `(N, T)`, by name.
        ridge: Ridge, positive, over the mean eigenvalue of the kernel of all layers.

    Returns:
        By name of the targets, and `condition number`: `cases`, the number of additions (times T) looked
        at; `rises`, how many of them raised the residual or the condition number; `largest`, the largest
        ratio after to before.
    """
    blocks = blocks_of(kernel.layers)
    columns = {name: values.reshape(len(values), -1) for name, values in targets.items()}
    everything = np.concatenate(list(columns.values()), axis=1)
    singles = [grams(kernel, [[name] for name in block]) for block in blocks]
    base = np.zeros_like(singles[0][0])
    residuals, conditions = [], []
    for cut in range(len(blocks) - 1, 0, -1):
        base = base + singles[cut].sum(axis=0)
        before, condition = _residuals(base, everything, ridge), condition_number(base)
        for added in np.concatenate(singles[:cut]):
            residuals.append(_residuals(base + added, everything, ridge) / before)
            conditions.append(_ratio(condition_number(base + added), condition))
    ends = np.cumsum([0, *(part.shape[1] for part in columns.values())])
    ratios = np.array(residuals).reshape(len(residuals), everything.shape[1])
    return {
        name: _count(ratios[:, start:end])
        for name, start, end in zip(columns, ends[:-1], ends[1:], strict=True)
    } | {"condition number": _count(np.array(conditions))}


def random_additions(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Describe additions of random kernels of 2 to 6 dimensions, spectra over three orders of magnitude.

    Args:
        count: How many.
        seed: Seed.
    """
    if count < 1:
        raise InputError(f"count={count} must be at least 1.")
    rng = np.random.default_rng(seed)
    for _ in range(count):
        size = int(rng.integers(2, 7))
        base, added = (_random_kernel(rng, size) for _ in range(2))
        yield addition(base, added, rng.normal(size=size), float(10 ** rng.uniform(-2, 0)))


def tightness(additions: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return how near each bound is to what it bounds: 1 where it is attained, below 1 where it is broken.

    For an upper bound the tightness of a case is bound over measured, for a lower one measured over bound.
    A description whose condition number or its bound is infinite does not count for that bound.

    Returns:
        A row per bound: how many `cases` (eigenvalues count one by one), how many are `broken` by more than
        rounding, the tightness of the `closest` case and the `median`; NaN where there is no case.
    """
    cases: dict[str, list[np.ndarray]] = {}
    for described in additions:
        for name, (lower, value, upper) in _bounded(described).items():
            for side, ratio in (("lower", value / lower), ("upper", upper / value)):
                cases.setdefault(f"{name}, {side}", []).append(np.atleast_1d(ratio))
        condition = described["condition"]
        if None not in (condition["after"], condition["mediant"]):
            ratio = np.atleast_1d(condition["mediant"] / condition["after"])
            cases.setdefault("condition number, mediant", []).append(ratio)
    together = {name: np.concatenate(ratios) for name, ratios in cases.items()}
    return pd.DataFrame(
        {
            name: {
                "cases": len(ratios),
                "broken": int((ratios < 1 - TOLERANCE).sum()),
                "closest": float(ratios.min()),
                "median": float(np.median(ratios)),
            }
            for name, ratios in together.items()
        }
    ).T.astype({"cases": int, "broken": int})


def _bounded(described: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return lower bound, value and upper bound of each thing that has both."""
    after = np.asarray(described["after"])
    # Eigenvalues that are zero but for rounding have no relative distance from a bound.
    kept = after > 1e-9 * after[0]
    found = {}
    for name, key in (("eigenvalues, Weyl", "weyl"), ("eigenvalues, relative", "relative")):
        lower, upper = (np.asarray(bound)[kept] for bound in described[key])
        found[name] = (lower.clip(1e-12 * after[0]), after[kept], upper)
    residual, objective = described["residual"], described["objective"]
    for name, value, bounds in (
        ("residual, these kernels", residual["ratio"], residual["range"]),
        ("residual, by a few numbers", residual["ratio"], residual["bounds"]),
        ("objective", objective["ratio"], objective["range"]),
    ):
        found[name] = (np.asarray(bounds[0]), np.asarray(value), np.asarray(bounds[1]))
    return found


def _residuals(gram: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """Return the norms of the ridge residuals of several targets `(N, T)`, up to the factor ridge: `(T,)`."""
    shifted = gram + ridge * np.eye(len(gram))
    return np.asarray(np.linalg.norm(linalg.solve(shifted, targets, assume_a="pos"), axis=0))


def _random_kernel(rng: np.random.Generator, size: int) -> np.ndarray:
    basis, _ = np.linalg.qr(rng.normal(size=(size, size)))
    return np.asarray((basis * 10 ** rng.uniform(-2, 1, size)) @ basis.T)


def _count(ratios: np.ndarray) -> dict[str, float]:
    return {
        "cases": int(ratios.size),
        "rises": int((ratios > 1 + TOLERANCE).sum()),
        "largest": float(ratios.max(initial=0.0)),
    }


def _ratio(after: float, before: float) -> float:
    return after / before if np.isfinite(before) else (1.0 if np.isinf(after) else 0.0)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
