"""How predictions are scored: accuracy, or F1 where the classes are far from balanced."""

from typing import Literal, get_args

import numpy as np

from lintune.errors import InputError, unknown_name

Metric = Literal["accuracy", "f1"]
METRICS: tuple[str, ...] = get_args(Metric)


def score(metric: Metric, labels: np.ndarray, predicted: np.ndarray) -> float:
    """Return the score of predicted classes, from 0 to 1.

    F1 is that of class id 1, the positive class, as is the custom for MRPC and QQP (Wang et al., 2019); it
    is 0 where no example is of that class or predicted to be.

    Args:
        metric: `accuracy` or `f1`.
        labels: `(n,)` class ids.
        predicted: `(n,)` class ids.

    Raises:
        InputError: An unknown metric; shapes that differ or hold nothing; F1 of class ids beyond 0 and 1.
    """
    from sklearn.metrics import accuracy_score, f1_score  # slow to import, and tasks import this room

    labels, predicted = np.asarray(labels), np.asarray(predicted)
    _check(metric, labels)
    if predicted.shape != labels.shape:
        raise InputError(f"predicted of shape {predicted.shape} does not fit labels of shape {labels.shape}.")
    _check(metric, predicted)
    if metric == "accuracy":
        return float(accuracy_score(labels, predicted))
    return float(f1_score(labels, predicted, pos_label=1, zero_division=0.0))


def chance(metric: Metric, labels: np.ndarray, classes: int) -> float:
    """Return the expected score of guessing every class with the same probability.

    Accuracy: `1 / C`. F1, for n examples of which P are positive: that the guesses hold m positives has the
    binomial probability `C(n, m) / 2^n`, and of these `m P / n` are right in expectation (hypergeometric),
    so the expected score is the mean of `2 (m P / n) / (m + P)` over m. It is exact, and near
    `2 p / (2 p + 1)` with `p = P / n` for many examples.

    Args:
        metric: `accuracy` or `f1`.
        labels: `(n,)` class ids of the examples that are scored.
        classes: Number of classes C.

    Raises:
        InputError: An unknown metric, no labels, labels that are no class ids, or F1 with C other than 2.
    """
    labels = np.asarray(labels)
    _check(metric, labels)
    if labels.max() >= classes:
        raise InputError(f"classes={classes} does not fit the label {labels.max()}.")
    if metric == "accuracy":
        return 1 / classes
    if classes != 2:
        raise InputError(f"metric='f1' is for two classes, not classes={classes}.")
    return _chance_f1(len(labels), int(labels.sum()))


def _chance_f1(examples: int, positives: int) -> float:
    from scipy.stats import binom

    if positives == 0:
        return 0.0
    guessed = np.arange(examples + 1)
    scores = 2 * guessed * positives / examples / (guessed + positives)
    return float(binom.pmf(guessed, examples, 0.5) @ scores)


def _check(metric: str, labels: np.ndarray) -> None:
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    if labels.ndim != 1 or not labels.size or not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise InputError(
            f"labels of shape {labels.shape} and type {labels.dtype} must be (n,) class ids, integers from 0."
        )
    if metric == "f1" and labels.max() > 1:
        raise InputError(f"metric='f1' is for the classes 0 and 1; there is a class {labels.max()}.")
