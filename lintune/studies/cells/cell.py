"""One cell of a sweep: a rate chosen on validation, the run beside its linear twin, the kernel's scalars."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from lintune import metrics
from lintune.descent import Recipe
from lintune.errors import CorruptFileError, DivergedError
from lintune.finetune import Setup, finetune
from lintune.finetune.run import Trajectory
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import Method, count_parameters
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.behaviour.draws import Draw
from lintune.studies.cells.effort import Effort
from lintune.studies.comparison.bench import Bench
from lintune.studies.comparison.compared import seeded
from lintune.studies.comparison.foretold import RIDGE
from lintune.studies.predictors import describe
from lintune.studies.rates import Searched, search
from lintune.tasks import FewShot, Task

Found = dict[str, Any]


def cell(prompted: PromptedModel, task: Task, method: Method, seed: int, effort: Effort) -> Found:
    """Train a method on one draw of a task, beside its linear twin.

    The learning rate is the one of least cross-entropy on validation examples, by
    `lintune.studies.rates.search`; test examples are looked at with that rate alone.

    Args:
        prompted: The function at the start.
        task: The task.
        method: The method; what it draws at random it draws by the seed.
        seed: Of the draw of examples, of what the method draws and of the order of examples.
        effort: How it is trained.

    Returns:
        `parameters`, how many are trained; `rate`, the chosen one, and `at_edge`; `trials`, for each rate
        `rate` and `validation_loss` (None where training diverged). Of the test examples `chance` (the score
        of guessing), `start_score` and `start_loss` (untrained), `test_score` and `test_loss`; mean losses.
        `train_loss`, `validation_loss`, `drift`. Of the twin `twin_diverged`, and `twin_accuracy`,
        `twin_drift`, `gap` in the parameters, `train_gap`, `test_gap` (root mean square in the outputs) and
        `agreement`, as `lintune.finetune.finetune` has them (None where the twin diverged). `kernel`: what
        `lintune.studies.predictors.describe` says of the kernel of the training examples, at a ridge of a
        hundredth of its mean eigenvalue, and `regression score` of the validation examples by kernel
        regression. `tokens` of training, validation and test examples. `stages`: seconds of `prepare`,
        `kernel`, `search` and `final`.

    Raises:
        InputError: The method does not fit the model, or the task has too few examples.
        DivergedError: Training diverges with every rate, or on the test examples.
    """
    drawn = effort.draw(task, seed)
    seconds: dict[str, float] = {}
    with _timed(seconds, "prepare"):
        bench = Bench.of(prompted, seeded(method, seed), [drawn], task.metric)
    with _timed(seconds, "kernel"):
        kernel = _kernel(bench, drawn)
    with _timed(seconds, "search"):
        searched = _searched(bench, effort, seed)
    if searched.rate is None:
        tried = [rate for rate, _ in searched.trials]
        raise DivergedError(f"training diverges with every one of the learning rates {tried}.")
    with _timed(seconds, "final"):
        ended = _final(bench, drawn, effort.recipe(searched.rate, seed))
    setup = bench.setups[0]
    return {
        "parameters": count_parameters(setup.attached.method, prompted.pretrained.model),
        "rate": searched.rate,
        "at_edge": searched.at_edge,
        "trials": [
            {"rate": rate, "validation_loss": loss if math.isfinite(loss) else None}
            for rate, loss in searched.trials
        ],
        "chance": metrics.chance(task.metric, drawn.test.labels, len(task.classes)),
        "validation_loss": min(loss for _, loss in searched.trials),
        **ended,
        "kernel": kernel,
        "tokens": {
            name: sum(len(prompt.ids) for prompt in prepared.prompts)
            for name, prepared in (
                ("train", setup.train), ("validation", setup.test), ("test", bench.prepared),
            )
        },
        "stages": seconds,
    }  # fmt: skip


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


def _searched(bench: Bench, effort: Effort, seed: int) -> Searched:
    def loss_at(rate: float) -> float:
        run = bench.run(0, effort.recipe(rate, seed))
        return math.inf if run is None else run.validation_loss

    return search(loss_at, effort.rates, effort.finer)


def _kernel(bench: Bench, drawn: Draw) -> dict[str, float | None]:
    setup = bench.setups[0]
    prompted = setup.attached.prompted
    found = tangent_kernels(
        prompted,
        drawn.train,
        drawn.validation,
        methods={"it": setup.attached.method},
        outputs=contrasts(prompted.classes),
        by_layer=False,
        prepared=(setup.train, setup.test),
    )
    gram, labels = found.train["it"].total(), drawn.train.labels
    ridge = RIDGE * float(np.trace(flat(gram)) / len(flat(gram)))
    said = describe(gram, found.train_logits, labels, ridge)
    scores = fit(gram, found.train_logits, labels).scores(found.cross["it"].total(), found.cross_logits)
    said["regression score"] = metrics.score(bench.metric, drawn.validation.labels, scores.argmax(axis=1))
    # A record holds no infinity, which the condition number of a singular kernel is.
    return {name: value if math.isfinite(value) else None for name, value in said.items()}


def _final(bench: Bench, drawn: Draw, recipe: Recipe) -> Found:
    """Train once more, beside the twin, and look at the test examples."""
    own = bench.setups[0]
    setup = replace(own, split=FewShot(drawn.train, drawn.test), test=bench.prepared)
    try:
        run, diverged = _run(setup, recipe)
        scores = bench.scores(0, run.values)
        started = bench.scores(0, setup.attached.start)
    except CorruptFileError as error:  # finite on the training and validation examples
        raise DivergedError(f"the outputs of the test examples are not finite after {recipe}.") from error
    end: Any = run.rows.iloc[-1]
    beside = {
        name: None if diverged else float(end[column])
        for name, column in (
            ("twin_accuracy", "twin_test_accuracy"), ("twin_drift", "twin_drift"), ("gap", "gap"),
            ("train_gap", "train_gap"), ("test_gap", "test_gap"), ("agreement", "agreement"),
        )
    }  # fmt: skip
    return {
        **{f"start_{name.removeprefix('test_')}": value for name, value in started.items()},
        **scores,
        "test_accuracy": float(end.test_accuracy),
        "train_loss": float(end.loss) / len(drawn.train),
        "drift": float(end.drift),
        "twin_diverged": diverged,
        **beside,
    }


def _run(setup: Setup, recipe: Recipe) -> tuple[Trajectory, bool]:
    """Return the run, beside its twin where that stays finite, and whether it does not."""
    at = (recipe.steps,)
    try:
        return finetune(setup, recipe, at=at), False
    except DivergedError:  # the network came through the search with this rate: it is the twin that did not
        return finetune(setup, recipe, at=at, twin=False), True
