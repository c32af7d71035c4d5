"""What LoRA's kernel does at the end: its predictions, and its scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lintune import theory
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.lora_kernel.measuring import Measured, captured, label
from lintune.tasks import Examples


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
    rows += [row("lora", predicted[label(draw)], draw[1], draw[2]) for draw in draws]
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
