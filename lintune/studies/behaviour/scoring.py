"""From outputs to rows: scores on the test examples, and how far a run went."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lintune import baselines, metrics
from lintune.descent import CrossEntropy
from lintune.finetune import Curvature
from lintune.kernels import contrasts
from lintune.solvers import CANDIDATES, choose
from lintune.studies.behaviour.problem import Problem
from lintune.studies.behaviour.training import Trained, mean_loss
from lintune.tasks import Task

Row = dict[str, Any]


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
        classes = (test @ contrasts(test.shape[1] + 1).T).argmax(axis=1)
        loss = mean_loss(test, self._problem.test)
        return {"way": way, "score": self._score(classes), "test_loss": loss, **more}

    def start(self, way: str) -> Row:
        """Return the row of the function before training, with the size of its output derivative."""
        problem = self._problem
        basis = contrasts(problem.kernels.train_logits.shape[1])
        before = torch.as_tensor(problem.kernels.train_logits @ basis)
        slope = CrossEntropy(problem.labels, len(basis)).slope(before, torch.arange(len(before)))
        return self.outputs(way, problem.start, chi=float(slope.norm(dim=1).mean()))

    def calibrated(self) -> Row:
        """Return the row of zero-shot answers without each word's mean over the training texts."""
        kernels = self._problem.kernels
        classes = baselines.calibrated_zero_shot(kernels.cross_logits, kernels.train_logits)
        return {"way": "zero-shot, calibrated", "score": self._score(classes[self._test])}

    def regression(self, kernel: str, seed: int, learnt: Mapping[str, np.ndarray]) -> Row:
        """Return the row of least squares on a kernel, with how like it is to what training learnt.

        Args:
            kernel: Name of the kernel.
            seed: Of the folds of cross-validation.
            learnt: What each run added to the outputs `(v + m, k)`, by the run's name.
        """
        problem = self._problem
        logits = problem.kernels.train_logits
        chosen = choose(CANDIDATES["least squares"], problem.gram(kernel), logits, problem.labels, seed=seed)
        cross, others = problem.cross(kernel), problem.kernels.cross_logits
        scores = chosen.fitted.scores(cross, others)
        added = (scores - chosen.fitted.scores(0 * cross, others)) @ contrasts(scores.shape[1])
        like = {f"like {run}": self._correlation(added, change) for run, change in learnt.items()}
        classes = scores[self._test].argmax(axis=1)
        return {"way": "kernel", "kernel": kernel, "score": self._score(classes), **like}

    def _score(self, classes: np.ndarray) -> float:
        return float(metrics.score(self._metric, self._problem.test, classes))

    def _correlation(self, left: np.ndarray, right: np.ndarray) -> float | None:
        """Return Pearson's correlation over the test examples, each output centred."""
        left, right = (side[self._test] - side[self._test].mean(axis=0) for side in (left, right))
        size = float(np.linalg.norm(left) * np.linalg.norm(right))
        return float((left * right).sum()) / size if size else None


def blind(task: Task, test: np.ndarray) -> Iterator[Row]:
    """Yield the rows of what asks no model: uniform guessing and the most frequent class."""
    most = np.full(len(test), np.bincount(task.train.labels).argmax())
    yield {"way": "chance", "score": metrics.chance(task.metric, test, len(task.classes))}
    yield {"way": "majority", "score": float(metrics.score(task.metric, test, most))}


def turning(problem: Problem, shots: int) -> Curvature | None:
    """Return what measures how the kernel turns; one serves all runs of a problem.

    Args:
        problem: What is trained.
        shots: Training examples per class that the kernel is looked at on; 0 for no measure.
    """
    if not shots:
        return None
    rows = [np.flatnonzero(problem.labels == label)[:shots] for label in np.unique(problem.labels)]
    return Curvature(problem.attached, problem.train.take(np.concatenate(rows).tolist()))


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
    return found | {"kernel_change": curvature.at(values)["kernel_drift"]}
