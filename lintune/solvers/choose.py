"""The choice among solvers by cross-validation inside the training examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedKFold

from lintune.errors import InputError
from lintune.kernels import contrasts
from lintune.solvers.arguments import check_every_class, check_problem
from lintune.solvers.solver import Fitted, Solver


@dataclass(frozen=True)
class Chosen:
    """A solver that was chosen, and how all candidates did.

    Attributes:
        solver: The chosen one.
        fitted: What it fits to all training examples.
        accuracies: Held-out accuracy of each candidate, in their order.
        cosines: Cosine between held-out scores and one-hot labels of each, which breaks ties.
    """

    solver: Solver
    fitted: Fitted
    accuracies: tuple[float, ...]
    cosines: tuple[float, ...]


def choose(
    candidates: Sequence[Solver],
    kernel: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    folds: int = 5,
    seed: int = 0,
) -> Chosen:
    """Take the candidate of largest held-out accuracy, and fit it to all training examples.

    Scores of different solvers have different units, so their cross-entropies do not compare; accuracies
    do. Few examples leave ties, which go to the larger cosine between held-out scores and one-hot labels,
    both centred over classes, and then to the earlier candidate. The cosine does not see the scores' scale.

    Folds are stratified by class. The kernel from held-out examples to the others is part of the training
    kernel, so solvers that need the flipped kernel have it.

    Args:
        candidates: Solvers, at least one.
        kernel: `(n, k, n, k)` kernel of the contrasts of the training examples.
        logits: `(n, C)` their pretrained logits.
        labels: `(n,)` classes from 0 to C-1.
        folds: Number of folds, at least 2; fewer where the rarest class has fewer examples.
        seed: Seed of the folds.

    Raises:
        InputError: There is no candidate, fewer than two folds, shapes do not fit, a label is out of range, a
            class has fewer than two examples, or a candidate refuses the kernel.
    """
    if not candidates:
        raise InputError("candidates must hold at least one solver.")
    if folds < 2:
        raise InputError(f"folds={folds} must be at least 2.")
    check_problem(kernel, logits, labels)
    check_every_class(labels, logits.shape[1], least=2)
    splitter = StratifiedKFold(min(folds, int(np.bincount(labels).min())), shuffle=True, random_state=seed)
    parts = list(splitter.split(labels, labels))
    held = [_held_out(solver, kernel, logits, labels, parts) for solver in candidates]
    accuracies = tuple(float((scores.argmax(axis=1) == labels).mean()) for scores in held)
    cosines = tuple(_cosine(scores, labels) for scores in held)
    best = max(range(len(candidates)), key=lambda index: (accuracies[index], cosines[index], -index))
    return Chosen(candidates[best], candidates[best].fit(kernel, logits, labels), accuracies, cosines)


def _held_out(
    solver: Solver,
    kernel: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """Return the scores `(n, C)` of each example from a fit without its fold."""
    scores = np.empty(logits.shape)
    for train, held in parts:
        rows = kernel[train]
        fitted = solver.fit(rows[:, :, train], logits[train], labels[train])
        scores[held] = fitted.scores(rows[:, :, held], logits[held], kernel[held][:, :, train])
    return scores


def _cosine(scores: np.ndarray, labels: np.ndarray) -> float:
    basis = contrasts(scores.shape[1])
    found, wanted = scores @ basis, basis[labels]
    size = float(np.linalg.norm(found) * np.linalg.norm(wanted))
    return float((found * wanted).sum() / size) if size else 0.0
