"""The course of a regularised linear run with steps of Adam's length, in as many dimensions as examples.

Adam moves every coordinate by about the learning rate, whatever the gradient's size. Its first step has the
length lr sqrt(p) where p coordinates move, and goes along the gradient g by lr ||g||_1 / ||g||_2, which is
lr kappa sqrt(p), with kappa = sqrt(2 / pi) where g is normal. With one scale for all coordinates instead of
one for each, its running mean and its running square stay in the span of the training examples' gradients:
the run of the linear model needs their Gram matrix alone.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.kernels import contrasts

# Of a normal gradient, ||g||_1 / (sqrt(p) ||g||_2).
KAPPA = math.sqrt(2 / math.pi)
_BETAS = (0.9, 0.999)  # torch's and everyone's


@dataclass(frozen=True, eq=False)
class Course:
    """Predicted runs, one for each of R learning rates.

    Attributes:
        rates: `(R,)` learning rates of Adam.
        train: `(R, steps + 1)` mean cross-entropy of the training examples, from the start on.
        batches: `(R, steps + 1)` that of the examples that the coming step sees.
        others: `(R, m)` cross-entropy of each of the others in the end.
        held: `(R, steps + 1)` mean of the others on the way.
        outputs: `(R, m, C - 1)` contrasts of the others in the end.
        alpha: `(R, n, C - 1)`: theta - theta_0 = J^T alpha in the end.
        drift: `(R,)` ||theta - theta_0|| in the end.
    """

    rates: np.ndarray
    train: np.ndarray
    batches: np.ndarray
    others: np.ndarray
    held: np.ndarray
    outputs: np.ndarray
    alpha: np.ndarray
    drift: np.ndarray


def course(
    kernel: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    others: np.ndarray,
    *,
    moving: int,
    recipe: Recipe,
    rates: np.ndarray,
) -> Course:
    """Predict runs of Adam from a kernel.

    Args:
        kernel: `(N, k, N, k)` kernel of contrasts.
        logits: `(N, C)` at the start.
        labels: `(N,)` classes.
        train: `(n,)` places of the training examples.
        others: `(m,)` places of the examples that are held out; may be empty.
        moving: Number p of parameters that have a gradient at the start.
        recipe: How to train: Adam on the cross-entropy, with or without a pull to the start. Its learning
            rate is not read.
        rates: `(R,)` learning rates.

    Raises:
        InputError: The recipe is of another kind.
    """
    check_recipe(recipe)
    basis = contrasts(logits.shape[1])
    rows = kernel[train]
    n, k, count = len(train), basis.shape[1], len(rates)
    gram = rows[:, :, train].reshape(n * k, n * k)
    cross = rows[:, :, others].reshape(n * k, -1)
    start, start_others = (logits[places] @ basis for places in (train, others))
    lengths = np.asarray(rates, dtype=float) * KAPPA * math.sqrt(moving)
    alpha, mean, square = np.zeros((count, n * k)), np.zeros((count, n * k)), np.zeros(count)
    losses, seen, held = [], [], []
    for number, batch in zip(range(recipe.steps + 1), recipe.batches(n), strict=False):
        outputs = start + (alpha @ gram).reshape(count, n, k)
        found = start_others + (alpha @ cross).reshape(count, len(others), k)
        own = _losses(outputs, labels[train], basis)
        losses.append(own.mean(axis=1))
        seen.append(own[:, batch.numpy()].mean(axis=1))
        each = _losses(found, labels[others], basis)
        held.append(each.mean(axis=1) if len(others) else np.full(count, math.nan))
        if number == recipe.steps:
            break
        gradient = _slopes(outputs, labels[train], basis, batch.numpy()) + recipe.strength * alpha
        mean = _BETAS[0] * mean + (1 - _BETAS[0]) * gradient
        norms = np.clip(np.einsum("ri,ij,rj->r", gradient, gram, gradient, optimize=True), 0, None)
        square = _BETAS[1] * square + (1 - _BETAS[1]) * norms
        size = np.sqrt(square / (1 - _BETAS[1] ** (number + 1))) * (1 - _BETAS[0] ** (number + 1))
        # Where no gradient has been seen there is nowhere to go.
        alpha = alpha - np.divide(lengths, size, out=np.zeros(count), where=size > 0)[:, None] * mean
    drift = np.sqrt(np.clip(np.einsum("ri,ij,rj->r", alpha, gram, alpha, optimize=True), 0, None))
    return Course(
        np.asarray(rates, dtype=float),
        np.stack(losses, axis=1),
        np.stack(seen, axis=1),
        each,
        np.stack(held, axis=1),
        found,
        alpha.reshape(count, n, k),
        drift,
    )


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe whose course cannot be predicted.

    Raises:
        InputError: It is not of Adam on the cross-entropy, with or without a pull to the start.
    """
    kind = (recipe.optimiser, recipe.loss, recipe.pull, recipe.anchor)
    if kind != ("adam", "cross-entropy", "always", "start"):
        raise InputError(
            f"recipe={recipe} must be of adam and cross-entropy with pull='always' to the start."
        )


def _losses(outputs: np.ndarray, labels: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return the cross-entropies `(R, n)` of contrasts `(R, n, k)`."""
    logs = log_softmax(outputs @ basis.T, axis=2)
    return np.asarray(-logs[:, np.arange(len(labels)), labels])


def _slopes(outputs: np.ndarray, labels: np.ndarray, basis: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Return the slope `(R, n k)` of the summed cross-entropy, estimated from a batch `(b,)`."""
    count, n, k = outputs.shape
    found = np.zeros((count, n, k))
    errors = softmax(outputs[:, batch] @ basis.T, axis=2) @ basis - basis[labels[batch]]
    found[:, batch] = errors * (n / len(batch))
    return found.reshape(count, n * k)
