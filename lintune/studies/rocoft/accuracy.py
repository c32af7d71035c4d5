"""Kernel regression with the kernels of rows, columns, single entries and LoRA beside the whole weights'."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lintune import baselines, metrics
from lintune.kernels import TangentKernels
from lintune.solvers import fit
from lintune.studies.rocoft.choices import FULL, Choice, captured
from lintune.studies.rocoft.problem import Problem


def kernel_accuracies(problem: Problem, chosen: Sequence[Choice]) -> pd.DataFrame:
    """Regress on every choice's kernel in every draw, from one capture for all.

    Ridge and offset are chosen for each kernel by leaving one out of the draw's training examples.

    Args:
        problem: The draws.
        chosen: The choices.

    Returns:
        A row per kernel and draw: `kind` (`full` too, and `majority`, `zero-shot` and `zero-shot,
        calibrated`, which have no kernel), `count`, `rule`, `seed` of the rule, `draw`, `score` on the test
        examples by the task's metric, and `same`, the share of them that are classified as with the kernel
        of the whole weights.
    """
    kernels = captured(
        problem.prompted,
        problem.pool,
        problem.draws[0].test,
        problem.layers,
        chosen,
        prepared=(problem.train, problem.test),
        by_layer=False,
    )
    rows = _baselines(problem, kernels)
    for number, each in enumerate(problem.draws):
        full = _answers(kernels, FULL, problem, number)
        for choice in [Choice(FULL, 0, "all"), *chosen]:
            name = FULL if choice.kind == FULL else choice.name
            answers = _answers(kernels, name, problem, number)
            rows.append(
                {
                    **choice.fields,
                    "draw": each.seed,
                    "score": metrics.score(problem.task.metric, each.test.labels, answers),
                    "same": float((answers == full).mean()),
                }
            )
    return pd.DataFrame(rows)


def _answers(kernels: TangentKernels, name: str, problem: Problem, number: int) -> np.ndarray:
    """Return the classes of the test examples by regression on a draw."""
    place = problem.places[number]
    train, cross = kernels.train[name], kernels.cross[name]
    fitted = fit(
        train.between(place, place).total(), kernels.train_logits[place], problem.draws[number].train.labels
    )
    tested = cross.between(place, range(len(problem.test))).total()
    return np.asarray(fitted.scores(tested, kernels.cross_logits).argmax(axis=1))


def _baselines(problem: Problem, kernels: TangentKernels) -> list[dict[str, object]]:
    """Return rows of what needs no kernel, for every draw."""
    metric, test = problem.task.metric, problem.draws[0].test.labels
    majority = baselines.majority(problem.task.train.labels, test, metric)
    zero_shot = metrics.score(metric, test, baselines.zero_shot(kernels.cross_logits))
    rows: list[dict[str, object]] = []
    for each, place in zip(problem.draws, problem.places, strict=True):
        answers = baselines.calibrated_zero_shot(kernels.cross_logits, kernels.train_logits[place])
        calibrated = metrics.score(metric, test, answers)
        found = {"majority": majority, "zero-shot": zero_shot, "zero-shot, calibrated": calibrated}
        rows += [
            {"kind": kind, "count": 0, "rule": "none", "seed": 0, "draw": each.seed, "score": score}
            for kind, score in found.items()
        ]
    return rows
