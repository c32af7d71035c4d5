"""A linear probe: multinomial logistic regression on frozen features, as weight and bias of a head."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lintune.errors import InputError

# Inverse penalties on the coefficients of standardised features.
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
_FOLDS = 5


def fit_probe(
    features: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a probe.

    Features are standardised, and the penalty is the strongest whose cross-validated log loss on these
    examples is within one standard error of the lowest (Breiman et al., 1984). Where some class has a
    single example, which cannot be held out, the inverse penalty is 1. Mean and scale are folded into the
    result, which applies to the features as they are. Of the weights that give these probabilities they
    are those that sum to zero over the classes.

    Args:
        features: `(n, d)`.
        labels: `(n,)` classes from 0 to C - 1, each with an example.
        classes: Number of classes C.
        seed: Seed of the folds.

    Returns:
        Weight `(C, d)` and bias `(C,)`, float64.

    Raises:
        InputError: Fewer than two classes, or some without an example.
    """
    check_labels(labels, classes)
    regression = _chosen(features, labels, seed)
    scaler, logistic = regression[0], regression[-1]
    weight, bias = logistic.coef_ / scaler.scale_, logistic.intercept_
    if classes == 2:  # one row, the log-odds of class 1
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight, bias = weight - weight.mean(axis=0), bias - bias.mean()
    return weight, bias - weight @ scaler.mean_


def check_labels(labels: np.ndarray, classes: int) -> None:
    """Refuse labels that a probe cannot be fitted to.

    Raises:
        InputError: Fewer than two classes, or some without an example.
    """
    found = np.unique(labels).tolist()
    if classes < 2 or found != list(range(classes)):
        raise InputError(
            f"train holds the classes {found}; a probe for classes={classes} needs at least two classes, "
            f"and examples of all from 0 to {classes - 1}."
        )


def _chosen(features: np.ndarray, labels: np.ndarray, seed: int) -> Any:
    """Return the fitted pipeline of the best penalty."""
    # Slow to import, and everything imports this room.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    rarest = int(np.bincount(labels).min())
    if rarest < 2:
        return pipeline.fit(features, labels)
    folds = StratifiedKFold(min(_FOLDS, rarest), shuffle=True, random_state=seed)
    grid = {"logisticregression__C": _PENALTIES}
    search = GridSearchCV(pipeline, grid, cv=folds, scoring="neg_log_loss", refit=_strongest)
    return search.fit(features, labels).best_estimator_


def _strongest(results: Mapping[str, np.ndarray]) -> int:
    """Return the place of the strongest penalty whose loss is within one standard error of the lowest.

    On few examples with many features the folds hardly tell weak penalties apart, and the weakest leaves
    no loss to train on.
    """
    means = results["mean_test_score"]
    best = int(means.argmax())
    folds = sum(name.startswith("split") for name in results)
    error = results["std_test_score"][best] / max(folds - 1, 1) ** 0.5
    return int(np.flatnonzero(means >= means[best] - error)[0])
