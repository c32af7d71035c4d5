"""What a kernel says in closed form, before any training: regression, spectrum, alignment, cheap proxies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from lintune import spectrum
from lintune.advise.forecast import Forecast, halves
from lintune.advise.look import Sight
from lintune.kernels import contrasts, flat
from lintune.regression import leave_one_out
from lintune.solvers import fit

# Ridge of what needs one, over the kernel's own mean eigenvalue.
RIDGE = 0.01


@dataclass(frozen=True)
class Score:
    """How a number ranks candidates.

    Attributes:
        name: What it is called.
        sign: 1 where less of it promises a better candidate, -1 where more does.
        says: What it is.
        cheap: Whether it is a heuristic of others that advice is held against.
    """

    name: str
    sign: int
    says: str
    cheap: bool = False


SCORES: tuple[Score, ...] = (
    Score(
        "predicted held-out loss", 1, "cross-entropy of the linear run on held-out examples, at its best rate"
    ),
    Score("predicted held-out error", 1, "share of held-out examples that this run gets wrong"),
    Score("predicted training loss", 1, "cross-entropy of the linear run on its training examples"),
    Score("leave-one-out loss", 1, "squared error of kernel regression on examples left out one by one"),
    Score("leave-one-out error", 1, "share of them that it gets wrong"),
    Score("regression loss", 1, "squared error of kernel regression from one half on the other"),
    Score("regression error", 1, "share of examples that it gets wrong"),
    Score("alignment", -1, "centred alignment of the kernel with that of the labels"),
    Score(
        "effective dimension", -1, "directions that a ridge of a hundredth of the mean eigenvalue leaves free"
    ),
    Score("condition number", 1, "largest eigenvalue over the smallest", cheap=True),
    Score("trace", -1, "sum of the eigenvalues: squared gradients of the outputs", cheap=True),
    Score("gradient norm", -1, "norm of the gradient of the loss", cheap=True),
    Score("Fisher trace", -1, "sum over examples of the squared gradient of their losses", cheap=True),
    Score(
        "log determinant",
        -1,
        "of the kernel with a diagonal of ones: how different examples look",
        cheap=True,
    ),
    Score("parameters", -1, "how many are trained", cheap=True),
)


def scores(
    sight: Sight,
    logits: np.ndarray,
    labels: np.ndarray,
    forecast: Forecast,
    *,
    repeats: int = 4,
    seed: int = 0,
) -> dict[str, float]:
    """Return every one of `SCORES` of a candidate.

    Args:
        sight: The candidate with its kernel.
        logits: `(N, C)` at the start.
        labels: `(N,)` classes.
        forecast: What `lintune.advise.forecast.forecast` says of it.
        repeats: How often the examples are divided for the regression from half to half.
        seed: Of the halves.
    """
    kernel = sight.kernel
    gram = flat(kernel)
    values = np.clip(spectrum.eigenvalues(gram), 0, None)
    basis = contrasts(logits.shape[1])
    slopes = (softmax(logits, axis=1) @ basis - basis[labels]).ravel()
    k = basis.shape[1]
    each = slopes.reshape(-1, k)
    own = np.einsum("ic,icid,id->i", each, kernel, each)
    found = fit(kernel, logits, labels)
    left = leave_one_out(kernel, basis[labels], found.ridge, found.offset * (logits @ basis))
    half_loss, half_error = _from_half_to_half(kernel, logits, labels, repeats, seed)
    ridge = RIDGE * float(values.mean())
    return {
        "predicted held-out loss": forecast.held_loss,
        "predicted held-out error": float((forecast.predicted != labels).mean()),
        "predicted training loss": forecast.train_loss,
        "leave-one-out loss": left.loss,
        "leave-one-out error": 1 - left.accuracy(labels),
        "regression loss": half_loss,
        "regression error": half_error,
        "alignment": spectrum.alignment(spectrum.example_kernel(kernel), spectrum.label_kernel(labels)),
        "effective dimension": float((values / (values + ridge)).sum()),
        "condition number": spectrum.condition_number(gram),
        "trace": float(values.sum()),
        "gradient norm": float(np.sqrt(max(slopes @ gram @ slopes, 0.0))),
        "Fisher trace": float(own.sum()),
        "log determinant": _log_determinant(gram),
        "parameters": float(sight.parameters),
    }


def _from_half_to_half(
    kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray, repeats: int, seed: int
) -> tuple[float, float]:
    """Return the mean squared error, over examples and contrasts, and the share of errors."""
    basis = contrasts(logits.shape[1])
    losses: list[Any] = []
    wrong: list[Any] = []
    for mine, others in halves(labels, repeats, seed):
        rows = kernel[mine]
        found = fit(rows[:, :, mine], logits[mine], labels[mine])
        answer = found.scores(rows[:, :, others], logits[others])
        losses.append(((answer @ basis - basis[labels[others]]) ** 2).mean())
        wrong.append((answer.argmax(axis=1) != labels[others]).mean())
    return float(np.mean(losses)), float(np.mean(wrong))


def _log_determinant(gram: np.ndarray) -> float:
    """Return the log determinant of the kernel scaled to a diagonal of ones, with a hundredth added to it."""
    root = np.sqrt(np.clip(np.diag(gram), 1e-300, None))
    return float(np.linalg.slogdet(gram / np.outer(root, root) + RIDGE * np.eye(len(gram)))[1])
