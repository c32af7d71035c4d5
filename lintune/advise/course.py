"""The course of a regularised linear run with steps of Adam's length, in as few dimensions as examples.

Adam moves every coordinate by about the learning rate, whatever the gradient's size. Its first step has the
length lr sqrt(p) where p coordinates move, and goes along the gradient g by lr ||g||_1 / ||g||_2, which is
lr kappa sqrt(p), with kappa = sqrt(2 / pi) where g is normal. With one scale for all coordinates of a group
of layers, instead of one for each coordinate, its running mean and its running square stay in the span of
the training examples' gradients for that group: the run of the linear model needs their Gram matrices alone.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from lintune.advise.look import Sight
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
        alpha: `(R, G, n, C - 1)`: in the end theta - theta_0 = J^T alpha, group by group.
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
    sight: Sight,
    logits: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    others: np.ndarray,
    *,
    recipe: Recipe,
    rates: np.ndarray,
) -> Course:
    """Predict runs of Adam from a kernel.

    Args:
        sight: The candidate's kernel, by groups of layers.
        logits: `(N, C)` at the start.
        labels: `(N,)` classes.
        train: `(n,)` places of the training examples.
        others: `(m,)` places of the examples that are held out; may be empty.
        recipe: How to train: Adam on the cross-entropy, with or without a pull to the start. Its learning
            rate is not read.
        rates: `(R,)` learning rates.

    Raises:
        InputError: The recipe is of another kind.
    """
    check_recipe(recipe)
    basis = contrasts(logits.shape[1])
    rows = sight.parts[:, train]
    groups, n, k, count = len(rows), len(train), basis.shape[1], len(rates)
    gram = rows[:, :, :, train].reshape(groups, n * k, n * k)
    cross = rows[:, :, :, others].reshape(groups, n * k, -1)
    start, start_others = (logits[places] @ basis for places in (train, others))
    lengths = KAPPA * np.outer(np.sqrt(sight.moving), rates)
    alpha, mean = np.zeros((groups, count, n * k)), np.zeros((groups, count, n * k))
    square = np.zeros((groups, count))
    losses, seen, held = [], [], []
    for number, batch in zip(range(recipe.steps + 1), recipe.batches(n), strict=False):
        outputs = start + (alpha @ gram).sum(axis=0).reshape(count, n, k)
        found = start_others + (alpha @ cross).sum(axis=0).reshape(count, len(others), k)
        own = _losses(outputs, labels[train], basis)
        losses.append(own.mean(axis=1))
        seen.append(own[:, batch.numpy()].mean(axis=1))
        each = _losses(found, labels[others], basis)
        held.append(each.mean(axis=1) if len(others) else np.full(count, math.nan))
        if number == recipe.steps:
            break
        gradient = _slopes(outputs, labels[train], basis, batch.numpy()) + recipe.strength * alpha
        mean = _BETAS[0] * mean + (1 - _BETAS[0]) * gradient
        square = _BETAS[1] * square + (1 - _BETAS[1]) * _squares(gradient, gram)
        size = np.sqrt(square / (1 - _BETAS[1] ** (number + 1))) * (1 - _BETAS[0] ** (number + 1))
        # Where no gradient has been seen there is nowhere to go.
        alpha = alpha - np.divide(lengths, size, out=np.zeros_like(size), where=size > 0)[..., None] * mean
    return Course(
        np.asarray(rates, dtype=float),
        np.stack(losses, axis=1),
        np.stack(seen, axis=1),
        each,
        np.stack(held, axis=1),
        found,
        alpha.swapaxes(0, 1).reshape(count, groups, n, k),
        np.sqrt(_squares(alpha, gram).sum(axis=0)),
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


def _squares(coefficients: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return the squared norms `(G, R)` of J^T c, for c `(G, R, n k)` or `(R, n k)` for all groups."""
    return np.clip((coefficients @ gram * coefficients).sum(axis=-1), 0, None)


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
