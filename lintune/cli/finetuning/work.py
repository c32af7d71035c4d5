"""The work of `lintune finetune`: load, choose a rate, train, and measure before and after."""

from dataclasses import dataclass

from lintune import metrics
from lintune.cli.finetuning.problem import Problem, problem_of, recipe_of
from lintune.cli.finetuning.request import Request
from lintune.cli.finetuning.training import Run, Trial, measured, searched, train
from lintune.descent import Vector
from lintune.errors import InputError
from lintune.studies.departure import Side, side

# Test examples on which a run is judged linear or not.
_JUDGED = 32


@dataclass(frozen=True, eq=False)
class Scores:
    """Before and after training.

    Attributes:
        train: Mean cross-entropy of the training examples.
        test: Mean cross-entropy of the test examples.
        score: Score of the test examples, by the task's metric.
    """

    train: float
    test: float
    score: float


@dataclass(frozen=True, eq=False)
class Done:
    """What was found.

    Attributes:
        request: What was asked for.
        problem: What it came to.
        run: The run that is kept.
        trials: What each learning rate came to; empty where one was given.
        before: At the start.
        after: At the end.
        chance: The score of guessing.
        side: Whether the run went a linear way, by the outputs of the first `judged` test examples; None
            where method or model has no forward-mode derivative.
        judged: See above.
    """

    request: Request
    problem: Problem
    run: Run
    trials: list[Trial]
    before: Scores
    after: Scores
    chance: float
    side: Side | None
    judged: int


def finetune(request: Request) -> Done:
    """Fine-tune, checking first what can be checked without the model, then without a pass.

    Raises:
        InputError: Something in the request is wrong.
        FetchError: The task or the model cannot be fetched.
        CorruptFileError: Stored data are damaged.
        DivergedError: Training diverges.
    """
    problem = problem_of(request)
    before = _scores(problem, problem.attached.start)
    run, trials = _trained(problem, request)
    labels = problem.test.examples.labels
    chance = metrics.chance(problem.task.metric, labels, len(problem.task.classes))
    judged = min(_JUDGED, len(problem.test.examples))
    way = _side(problem, run.values, judged)
    return Done(request, problem, run, trials, before, _scores(problem, run.values), chance, way, judged)


def _side(problem: Problem, values: Vector, judged: int) -> Side | None:
    try:
        return side(problem.attached, problem.test.prepared.take(range(judged)), values)
    except InputError:
        return None


def _trained(problem: Problem, request: Request) -> tuple[Run, list[Trial]]:
    if request.learning_rate is not None:
        return train(problem, recipe_of(request, request.learning_rate), "fine-tuning"), []
    assert problem.validation is not None
    return searched(problem, request, problem.validation)


def _scores(problem: Problem, values: Vector) -> Scores:
    _, inner = measured(problem, values, problem.train)
    score, outer = measured(problem, values, problem.test)
    return Scores(inner, outer, score)
