"""From outputs to rows: scores on the test examples, and how far a run went."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lintune import baselines, metrics
from lintune.descent import CrossEntropy
from lintune.errors import InputError
from lintune.finetune import Curvature
from lintune.kernels import contrasts
from lintune.linearized.features import jacobian_bytes
from lintune.solvers import REPORTED_RIDGES, REPORTED_SCALINGS, LeastSquares, choose
from lintune.studies.behaviour.problem import Problem
from lintune.studies.behaviour.training import Trained, classes, mean_loss
from lintune.tasks import Task

Row = dict[str, Any]

_LEAST_SQUARES = [
    LeastSquares(ridge, 1 / scaling) for ridge in REPORTED_RIDGES for scaling in REPORTED_SCALINGS
]
# Most bytes of one Jacobian by which the kernel's turn is measured; two are held at a time.
_HELD = 5_000_000_000


class Scorer:
    """Scores one function on one draw."""

    def __init__(self, task: Task, problem: Problem) -> None:
        """Take the task, whose metric counts, and the problem."""
        self._metric = task.metric
        self._problem = problem
        self._test = slice(len(problem.validation), None)

    def outputs(self, way: str, outputs: np.ndarray, **more: object) -> Row:
        """Return the row of contrasts `(v + m, k)` of validation and test examples."""
        test = outputs[self._test]
        loss = mean_loss(test, self._problem.test)
        return {"way": way, "score": self._score(classes(test)), "test_loss": loss, **more}

    def start(self, way: str) -> Row:
        """Return the row of the function before training, with the size of its output derivative."""
        problem = self._problem
        before = problem.kernels.train_logits @ contrasts(problem.kernels.train_logits.shape[1])
        # A fresh head was fitted to the training examples; the others tell how it does without that.
        held_out = problem.start[: len(problem.validation)]
        chi = {"chi": _chi(before, problem.labels), "chi_held_out": _chi(held_out, problem.validation)}
        return self.outputs(way, problem.start, **chi)

    def calibrated(self) -> Row:
        """Return the row of zero-shot answers without each word's mean over the training texts."""
        kernels = self._problem.kernels
        answers = baselines.calibrated_zero_shot(kernels.cross_logits, kernels.train_logits)
        return {"way": "zero-shot, calibrated", "score": self._score(answers[self._test])}

    def regression(self, kernel: str, seed: int, learnt: Mapping[str, np.ndarray], fitted_start: bool) -> Row:
        """Return the row of least squares on a kernel, with how like it is to what training learnt.

        Args:
            kernel: Name of the kernel.
            seed: Of the folds of cross-validation.
            learnt: What each run added to the outputs `(v + m, k)`, by the run's name.
            fitted_start: Whether the start was fitted to the training examples, as a fresh head is. Then
                held-out folds are not held out from it, so the regression starts from nothing, and
                nothing is compared.
        """
        candidates = [each for each in _LEAST_SQUARES if not (fitted_start and each.offset)]
        scores, _ = self._fit(candidates, kernel, seed)
        like: Row = {}
        if not fitted_start:
            # Training starts from the whole of the pretrained answer; so must what it is compared with.
            _, added = self._fit([LeastSquares(ridge, 1.0) for ridge in REPORTED_RIDGES], kernel, seed)
            like = {f"like {run}": self._correlation(added, change) for run, change in learnt.items()}
        score = self._score(scores[self._test].argmax(axis=1))
        return {"way": "kernel", "kernel": kernel, "score": score, **like}

    def _fit(
        self, candidates: Sequence[LeastSquares], kernel: str, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return scores `(v + m, C)` of the chosen candidate, and what it adds to the start, `(v + m, k)`."""
        problem = self._problem
        chosen = choose(
            candidates, problem.gram(kernel), problem.kernels.train_logits, problem.labels, seed=seed
        )
        cross, others = problem.cross(kernel), problem.kernels.cross_logits
        scores = chosen.fitted.scores(cross, others)
        added = scores - chosen.fitted.scores(np.zeros_like(cross), others)
        return scores, added @ contrasts(scores.shape[1])

    def _score(self, answers: np.ndarray) -> float:
        return metrics.score(self._metric, self._problem.test, answers)

    def _correlation(self, left: np.ndarray, right: np.ndarray) -> float | None:
        """Return Pearson's correlation over the test examples, each output centred."""
        left, right = (side[self._test] - side[self._test].mean(axis=0) for side in (left, right))
        size = float(np.linalg.norm(left) * np.linalg.norm(right))
        return float((left * right).sum()) / size if size else None


def blind(task: Task, test: np.ndarray) -> Iterator[Row]:
    """Yield the rows of what asks no model: uniform guessing and the most frequent class."""
    yield {"way": "chance", "score": metrics.chance(task.metric, test, len(task.classes))}
    yield {"way": "majority", "score": baselines.majority(task.train.labels, test, task.metric)}


def _chi(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean norm of softmax minus one-hot label over examples with contrasts `(n, k)`."""
    loss = CrossEntropy(labels, outputs.shape[1] + 1)
    slope = loss.slope(torch.as_tensor(outputs), torch.arange(len(outputs)))
    return float(slope.norm(dim=1).mean())


def turning(problem: Problem, shots: int) -> Curvature | None:
    """Return what measures how the kernel turns; one serves all runs of a problem.

    Args:
        problem: What is trained.
        shots: Training examples per class that the kernel is looked at on; 0 for no measure.
    """
    if not shots:
        return None
    rows = [np.flatnonzero(problem.labels == label)[:shots] for label in np.unique(problem.labels)]
    looked_at = problem.train.take(np.concatenate(rows).tolist())
    if (needed := jacobian_bytes(problem.attached, looked_at)) > _HELD:
        raise InputError(
            f"turned_shots={shots}: the derivatives of {len(looked_at)} examples take {needed:,} bytes, "
            f"twice; at most {_HELD:,} are held. Give fewer, or a smaller depth; 0 measures no turn."
        )
    return Curvature(problem.attached, looked_at, memory=_HELD)


def travelled(run: Trained, problem: Problem, curvature: Curvature | None) -> Row:
    """Return how far a trained network went, and how far its kernel turned on the way.

    Args:
        run: The run.
        problem: What was trained.
        curvature: What `turning` returns; None leaves the kernel out.
    """
    away, start = run.displacement or {}, problem.attached.start
    found = {"drift": sum(float(part.double().square().sum()) for part in away.values()) ** 0.5}
    if curvature is None:
        return found
    values = {name: start[name] + part for name, part in away.items()}
    return found | {"kernel_drift": curvature.at(values)["kernel_drift"]}
