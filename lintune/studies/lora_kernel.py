"""LoRA keeps the kernel: how far its kernel at B = 0 is from that of the weights, against what theory says.

A layer's block of LoRA's kernel is divided by its mean factor alpha^2 / (3 r d), so that its mean over draws
of A is the block of the weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lintune import theory
from lintune.errors import InputError
from lintune.kernels import BlockKernel, contrasts, flat, tangent_kernels
from lintune.kernels.engine import check_outputs
from lintune.kernels.walk import Walk
from lintune.methods import LoRA, Weights
from lintune.methods.shapes import matrix_shape
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.tangents import LinearTap, in_order
from lintune.tasks import Examples
from lintune.theory import Moments

Draw = tuple[str, int, int]  # distribution, rank, seed


@dataclass(frozen=True)
class Measured:
    """Projected kernels of N = n k gradients, beside the exact one and its moments.

    Attributes:
        layers: Names of L layers.
        widths: `(L,)` numbers of inputs.
        weights: `(L, N, N)` kernel of the weights.
        projected: `(L, N, N)` unbiased kernels of LoRA by distribution, rank and seed.
        moments: Of the products of gradients, by layer in the same order.
    """

    layers: tuple[str, ...]
    widths: np.ndarray
    weights: np.ndarray
    projected: dict[Draw, np.ndarray]
    moments: list[Moments]

    def variances(self, distribution: str, rank: int) -> np.ndarray:
        """Return the exact variances `(L, N, N)` of the entries."""
        return np.array([theory.projected_variance(each, rank, distribution) for each in self.moments])


def measure(
    prompted: PromptedModel,
    examples: Examples,
    targets: Sequence[str],
    distributions: Sequence[str],
    ranks: Sequence[int],
    seeds: Sequence[int],
) -> Measured:
    """Take the kernels of the weights and of LoRA with many draws of A from one capture, and the moments.

    Args:
        prompted: The function; kernels are taken of the contrasts of its logits.
        examples: n examples.
        targets: Patterns of the layers' names.
        distributions: Of A, by their names in `lintune.methods.draws.DOWN`.
        ranks: Ranks of LoRA.
        seeds: Draws of A.

    Raises:
        InputError: A distribution is not known, or a layer is smaller than a rank.
    """
    widths = layer_widths(prompted, targets)
    draws = [(name, rank, seed) for name in distributions for rank in ranks for seed in seeds]
    found = captured(prompted, examples, None, targets, draws)[0]
    order = found["weights"].layers
    moments = layer_moments(prompted, examples, targets)
    return Measured(
        order,
        np.array([widths[layer] for layer in order]),
        flat_blocks(found["weights"]),
        {draw: flat_blocks(found[_name(draw)]) for draw in draws},
        [moments[layer] for layer in order],
    )


def captured(
    prompted: PromptedModel,
    train: Examples,
    others: Examples | None,
    targets: Sequence[str],
    draws: Sequence[Draw],
) -> tuple[dict[str, BlockKernel], dict[str, BlockKernel], np.ndarray, np.ndarray]:
    """Return kernels among training examples and with others, LoRA's unbiased, and the logits of both.

    Kernels go by `weights` and by distribution, rank and seed.
    """
    # With alpha = r the factor of a layer is r / (3 d).
    adapters = {
        _name(draw): LoRA(draw[1], draw[1], list(targets), draw[2], distribution=draw[0]) for draw in draws
    }
    found = tangent_kernels(
        prompted,
        train,
        others,
        methods={"weights": Weights(list(targets)), **adapters},
        outputs=contrasts(prompted.classes),
    )
    widths = layer_widths(prompted, targets)
    for name, adapter in adapters.items():
        factors = {
            layer: 1 / theory.expected_factor(adapter.alpha, adapter.rank, d) for layer, d in widths.items()
        }
        for kernels in (found.train, found.cross):
            kernels[name] = rescaled(kernels[name], factors)
    return found.train, found.cross, found.train_logits, found.cross_logits


def layer_widths(prompted: PromptedModel, targets: Sequence[str]) -> dict[str, int]:
    """Return the number of inputs of each targeted layer by name."""
    sites = Weights(list(targets)).sites(prompted.pretrained.model)
    return {name: matrix_shape(site)[1] for name, site in sites.items()}


def layer_moments(
    prompted: PromptedModel, examples: Examples, targets: Sequence[str], batch_tokens: int = 1024
) -> dict[str, Moments]:
    """Return the moments of each targeted layer's gradients by name, from one walk over the model."""
    model = prompted.pretrained.model
    sites = in_order(model, Weights(list(targets)).sites(model))
    outputs = check_outputs(prompted, contrasts(prompted.classes))
    walk = Walk(
        prompted, prompted.encode(examples), sites, outputs, batch_tokens=batch_tokens, recompute=False
    )
    found = {}
    for taps in walk:
        for name, tap in taps.items():
            assert isinstance(tap, LinearTap)
            found[name] = theory.token_moments(tap.x, tap.g, tap.lengths)
        del taps
    return found


def rescaled(kernel: BlockKernel, factors: Mapping[str, float]) -> BlockKernel:
    """Return a kernel with each layer's block multiplied by its factor."""
    by_layer = np.array([factors[layer] for layer in kernel.layers])
    return BlockKernel(kernel.layers, kernel.blocks * by_layer[:, None, None, None, None])


def flat_blocks(kernel: BlockKernel) -> np.ndarray:
    """Return the blocks as matrices `(L, n k, m k)`."""
    return np.array([flat(block) for block in kernel.blocks])


def summed_errors(measured: Measured, probability: float = 0.05) -> pd.DataFrame:
    """Return how far the kernel, summed over layers, is off in each draw.

    Args:
        measured: As `measure` returns it.
        probability: That any entry is outside, by the bounds.

    Returns:
        A row per draw: `distribution`, `rank`, `seed`; `error` and its `predicted` root mean square,
        Frobenius norms over that of the kernel; `worst`, the largest error of an entry over the largest
        entry c^2; `beyond`, whether that is more than `lintune.theory.projection_tail` lets it be, and
        `outside`, whether any entry is off by more than its own radius, where that bound is for the
        distribution and else None.
    """
    total = measured.weights.sum(0)
    largest, size = float(np.diag(total).max()), float(np.linalg.norm(total))
    rows = []
    for (name, rank, seed), projected in measured.projected.items():
        away = np.abs(projected.sum(0) - total)
        outside = None
        if name in ("gaussian", "orthonormal"):
            radius = theory.entry_radius(measured.variances("gaussian", rank), rank, probability)
            outside = bool((away > radius).any())
        rows.append(
            {
                "distribution": name,
                "rank": rank,
                "seed": seed,
                "error": float(np.linalg.norm(away)) / size,
                "predicted": math.sqrt(measured.variances(name, rank).sum()) / size,
                "worst": float(away.max()) / largest,
                "beyond": bool(away.max() / largest > theory.tail_radius(probability, rank, len(total))),
                "outside": outside,
            }
        )
    return pd.DataFrame(rows)


def bounds(measured: Measured, ranks: Sequence[int], probability: float = 0.05) -> pd.DataFrame:
    """Return what bounds say of the largest error of an entry, over the largest entry c^2, by rank.

    Returns:
        A row per rank: `rank`; `known` and `tail`, by `lintune.theory.known_tail` and `projection_tail`,
        infinite where they say nothing; `radius`, the largest of `lintune.theory.entry_radius` for Gaussian
        A; `deviation`, the largest standard deviation of an entry for Gaussian A.
    """
    total = measured.weights.sum(0)
    count, largest = len(total), float(np.diag(total).max())
    rows = []
    for rank in ranks:
        variances = measured.variances("gaussian", rank)
        rows.append(
            {
                "rank": rank,
                "known": theory.tail_radius(probability, rank, count, theory.known_tail),
                "tail": theory.tail_radius(probability, rank, count),
                "radius": float(theory.entry_radius(variances, rank, probability).max()) / largest,
                "deviation": math.sqrt(variances.sum(0).max()) / largest,
            }
        )
    return pd.DataFrame(rows)


def layer_errors(measured: Measured, distribution: str, rank: int) -> pd.DataFrame:
    """Return how far each layer's own kernel is off at one rank.

    Returns:
        A row per layer: `layer`, its `block` and `kind`; root mean square over draws of the `error` in
        Frobenius norm over that of the kernel, and what is `predicted`; the median over gradients of
        their `effective rank`; the layer's `share` of the trace.

    Raises:
        InputError: There are no such draws.
    """
    variances = measured.variances(distribution, rank)
    whole = np.trace(measured.weights.sum(0))
    rows = []
    for place, layer in enumerate(measured.layers):
        kernel = measured.weights[place]
        size = float(np.linalg.norm(kernel))
        errors = [np.linalg.norm(each[place] - kernel) for each in _draws(measured, distribution, rank)]
        block = [int(part) for part in layer.split(".") if part.isdigit()]
        rows.append(
            {
                "layer": layer,
                "block": block[0] if block else -1,
                "kind": layer.rsplit(".", 1)[-1],
                "error": math.sqrt(np.mean(np.square(errors))) / size,
                "predicted": math.sqrt(variances[place].sum()) / size,
                "effective rank": float(np.median(theory.effective_rank(measured.moments[place]))),
                "share": float(np.trace(kernel) / whole),
            }
        )
    return pd.DataFrame(rows)


def standard_errors(measured: Measured, distribution: str, rank: int) -> np.ndarray:
    """Return the errors of all pairs, layers and draws over their exact standard deviations.

    Returns:
        `(draws x layers x pairs,)`, pairs with i <= j. Draws and layers are independent, pairs are not.
    """
    upper = np.triu_indices(measured.weights.shape[1])
    away = np.array([each - measured.weights for each in _draws(measured, distribution, rank)])
    standard = away / np.sqrt(measured.variances(distribution, rank))
    return np.asarray(standard[:, :, upper[0], upper[1]].ravel())


def error_law(measured: Measured, distribution: str, rank: int) -> dict[str, Any]:
    """Return how errors over their standard deviations are distributed, to be kept in place of them.

    Returns:
        `rank`; `edges` of bins from -4 to 4, and the `density` in each, errors beyond counting to the
        outermost; the share that is `negative`, and the share that is `far`, beyond 3 on either side.
    """
    standard = standard_errors(measured, distribution, rank)
    density, edges = np.histogram(standard.clip(-4, 4), bins=48, range=(-4, 4), density=True)
    negative, far = float((standard < 0).mean()), float((np.abs(standard) > 3).mean())
    return {"rank": rank, "edges": edges, "density": density, "negative": negative, "far": far}


def slopes(errors: pd.DataFrame) -> pd.DataFrame:
    """Fit a power of the rank to the error of each draw.

    Args:
        errors: As `summed_errors` returns them.

    Returns:
        A row per distribution: `slope`, the mean over seeds of the slope of log error on log rank; its 95 %
        interval `low` to `high`, Student's over seeds; the slope of what is `predicted`; the `verdict`.
    """
    rows = []
    for name, own in errors.groupby("distribution", sort=False):
        each = [_slope(part["rank"], part.error) for _, part in own.groupby("seed")]
        middle, low, high = interval(each)
        predicted = _slope(own["rank"], own.predicted)
        rows.append(
            {
                "distribution": name,
                "slope": middle,
                "low": low,
                "high": high,
                "predicted": predicted,
                "verdict": verdict(low, high, predicted),
            }
        )
    return pd.DataFrame(rows)


def agreement(measured: Measured) -> pd.DataFrame:
    """Hold squared errors of single layers against their exact variances.

    Returns:
        A row per distribution: `ratio`, the mean over layers, draws and ranks of squared error over what is
        predicted, which has mean 1; its 95 % interval `low` to `high` over layers and seeds, which are
        independent, the ranks of each being averaged; the `verdict`.
    """
    rows = []
    for name in dict.fromkeys(draw[0] for draw in measured.projected):
        ratios: dict[tuple[int, int], list[float]] = {}
        for (other, rank, seed), projected in measured.projected.items():
            if other != name:
                continue
            squares = ((projected - measured.weights) ** 2).sum((1, 2))
            expected = measured.variances(name, rank).sum((1, 2))
            for layer in np.flatnonzero(expected > 1e-12 * (measured.weights**2).sum((1, 2))):
                ratios.setdefault((int(layer), seed), []).append(squares[layer] / expected[layer])
        middle, low, high = interval([float(np.mean(each)) for each in ratios.values()])
        rows.append(
            {
                "distribution": name,
                "ratio": middle,
                "low": low,
                "high": high,
                "verdict": verdict(low, high, 1.0),
            }
        )
    return pd.DataFrame(rows)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and 95 % interval, Student's; without bounds, as NaN, for fewer than two values."""
    middle = float(np.mean(values))
    if len(values) < 2:
        return middle, math.nan, math.nan
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1)) / math.sqrt(len(values))
    return middle, middle - half, middle + half


def verdict(low: float, high: float, expected: float) -> str:
    """Say whether an interval holds what is expected: `as predicted`, `below`, `above` or `one draw only`."""
    if math.isnan(low):
        return "one draw only"
    if low > expected:
        return "above"
    return "below" if high < expected else "as predicted"


def regressions(
    prompted: PromptedModel,
    train: Examples,
    test: Examples,
    targets: Sequence[str],
    ranks: Sequence[int],
    seeds: Sequence[int],
) -> pd.DataFrame:
    """Compare predictions of kernel regression with LoRA's kernels and with that of the weights.

    Ridge and offset are chosen for each kernel on the training examples.

    Returns:
        A row per kernel: `kernel` (`weights`, `lora`, or `zero-shot` for the logits themselves), `rank` and
        `seed` where it is LoRA's; `accuracy` on the test examples, and the share of them on which it has
        the `same` prediction as the kernel of the weights.
    """
    draws = [("uniform", rank, seed) for rank in ranks for seed in seeds]
    kernels, cross, logits, others = captured(prompted, train, test, targets, draws)
    predicted = {}
    for name, kernel in kernels.items():
        fitted = fit(kernel.total(), logits, train.labels)
        predicted[name] = fitted.scores(cross[name].total(), others).argmax(1)
    whole = predicted["weights"]

    def row(name: str, found: np.ndarray, rank: int | None = None, seed: int | None = None) -> dict[str, Any]:
        right = float((found == test.labels).mean())
        same = float((found == whole).mean())
        return {"kernel": name, "rank": rank, "seed": seed, "accuracy": right, "same": same}

    rows = [row("weights", whole), row("zero-shot", others.argmax(1))]
    rows += [row("lora", predicted[_name(draw)], draw[1], draw[2]) for draw in draws]
    return pd.DataFrame(rows).astype({"rank": "Int64", "seed": "Int64"})


def at_usual_scale(measured: Measured, alpha: float, rank: int) -> dict[str, float]:
    """Return what LoRA's kernel is in the mean at a given scale, A drawn as usual.

    Returns:
        `smallest` and `largest` factor of a layer; `factor`, the trace over that of the kernel of the
        weights; `cosine`, the cosine between the two kernels, summed over layers, as matrices.
    """
    factors = np.array([theory.expected_factor(alpha, rank, int(width)) for width in measured.widths])
    mean = np.tensordot(factors, measured.weights, 1)
    whole = measured.weights.sum(0)
    return {
        "smallest": float(factors.min()),
        "largest": float(factors.max()),
        "factor": float(np.trace(mean) / np.trace(whole)),
        "cosine": float((mean * whole).sum() / np.linalg.norm(mean) / np.linalg.norm(whole)),
    }


def _draws(measured: Measured, distribution: str, rank: int) -> list[np.ndarray]:
    found = [each for draw, each in measured.projected.items() if draw[:2] == (distribution, rank)]
    if not found:
        known = sorted({draw[:2] for draw in measured.projected})
        raise InputError(f"distribution={distribution!r}, rank={rank} was not measured; these were: {known}.")
    return found


def _slope(ranks: pd.Series, errors: pd.Series) -> float:
    return float(np.polyfit(np.log(ranks), np.log(errors), 1)[0])


def _name(draw: Draw) -> str:
    return " ".join(map(str, draw))
