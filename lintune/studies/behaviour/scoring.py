"""From outputs to rows: scores on the test examples, and how far a run went."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lintune import baselines, metrics
from lintune.errors import InputError
from lintune.finetune import Curvature
from lintune.kernels import flat
from lintune.linearized.features import jacobian_bytes
from lintune.solvers import REPORTED_RIDGES, REPORTED_SCALINGS, LeastSquares, choose
from lintune.studies.behaviour.problem import Problem
from lintune.studies.behaviour.training import Trained, classes, mean_loss
from lintune.tasks import Task
from lintune.theory import output_derivative

Row = dict[str, Any]

_LEAST_SQUARES = [
    LeastSquares(ridge, 1 / scaling) for ridge in REPORTED_RIDGES for scaling in REPORTED_SCALINGS
]
# Ridge over the kernel's norm, by which coefficients are fitted to what a run did to the training outputs.
_CARRYING = 1e-3
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
        # A fresh head was fitted to the training examples; the others tell how it does without that.
        held_out = problem.start[: len(problem.validation)]
        chi = {
            "chi": _chi(problem.train_start, problem.labels),
            "chi_held_out": _chi(held_out, problem.validation),
        }
        return self.outputs(way, problem.start, **chi)

    def calibrated(self) -> Row:
        """Return the row of zero-shot answers without each word's mean over the training texts."""
        kernels = self._problem.kernels
        answers = baselines.calibrated_zero_shot(kernels.cross_logits, kernels.train_logits)
        return {"way": "zero-shot, calibrated", "score": self._score(answers[self._test])}

    def regression(self, kernel: str, seed: int, runs: Mapping[str, Trained], fitted_start: bool) -> Row:
        """Return the row of least squares on a kernel, and how it carries what runs did.

        Args:
            kernel: Name of the kernel.
            seed: Of the folds of cross-validation.
            runs: Runs by name.
            fitted_start: Whether the start was fitted to the training examples, as a fresh head is. Then
                held-out folds are not held out from it, and the regression starts from nothing.
        """
        problem = self._problem
        candidates = [each for each in _LEAST_SQUARES if not (fitted_start and each.offset)]
        chosen = choose(
            candidates, problem.gram(kernel), problem.kernels.train_logits, problem.labels, seed=seed
        )
        scores = chosen.fitted.scores(problem.cross(kernel), problem.kernels.cross_logits)
        carried = {f"carries {name}": self._carried(kernel, run) for name, run in runs.items()}
        score = self._score(scores[self._test].argmax(axis=1))
        return {"way": "kernel", "kernel": kernel, "score": score, **carried}

    def _carried(self, kernel: str, run: Trained) -> float | None:
        """Return the correlation of a run's effect on the test outputs with the kernel's account of it.

        If every step moves the outputs by K(x, x_i) a_i, as the kernel analogue of an optimiser does
        (Malladi et al., 2023, Definition 3.3), all steps together do so for some coefficients. They are
        fitted to what the run did to the training outputs; neither labels nor loss enter.
        """
        problem = self._problem
        gram, cross = flat(problem.gram(kernel)), flat(problem.cross(kernel))
        ridge = _CARRYING * float(np.linalg.norm(gram, 2))
        change = (run.train - problem.train_start).ravel()
        coefficients = np.linalg.solve(gram.T + ridge * np.eye(len(gram)), change)
        told = (cross.T @ coefficients).reshape(problem.start.shape)
        return self._correlation(told, run.outputs - problem.start)

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
    return float(output_derivative(torch.as_tensor(outputs), labels).norm(dim=1).mean())


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
