"""Rows and columns under different rules, trained; the learning rate chosen by the same search for each."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from tqdm.auto import tqdm

from lintune import metrics
from lintune.descent import Recipe
from lintune.errors import DivergedError, InputError
from lintune.finetune import Trajectory, finetune
from lintune.methods import Entries, Method, Weights, count_parameters
from lintune.studies.rocoft.choices import FULL, Choice, methods_of, parameters
from lintune.studies.rocoft.problem import Problem


def trained(
    problem: Problem, chosen: Sequence[Choice], rates: Sequence[float], recipe: Recipe
) -> pd.DataFrame:
    """Train every choice in every draw.

    The rate of a choice is the one with the least validation loss after training in the first draw. It is
    kept for the other draws. A rate at which training diverges is not chosen.

    Args:
        problem: The draws.
        chosen: The choices; of kind `full` for all weights.
        rates: Learning rates to choose from, the same for all.
        recipe: How to train, but for the learning rate. The order of examples is that of its seed plus the
            number of the draw.

    Returns:
        A row per choice and draw: the choice's fields, `draw`, `rate`, `edge` (whether it is the first or the
        last of the rates), `parameters`, `train_loss` and `train_accuracy`, `validation_loss`, and `score` on
        the test examples by the task's metric; NaN for what diverged.

    Raises:
        InputError: There are no rates.
    """
    if not rates:
        raise InputError("rates=[] must hold at least one learning rate.")
    rows = []
    for choice in tqdm(chosen, desc="training", unit="way", leave=False):
        method = method_of(choice, problem)
        tried = {rate: _run(problem, method, 0, replace(recipe, learning_rate=rate)) for rate in rates}
        rate = min(tried, key=lambda one: _validation_loss(tried[one]))
        for number, each in enumerate(problem.draws):
            own = replace(recipe, learning_rate=rate, seed=recipe.seed + number)
            run = tried[rate] if number == 0 else _run(problem, method, number, own)
            rows.append(
                {
                    **choice.fields,
                    "draw": each.seed,
                    "rate": rate,
                    "edge": rate in (min(rates), max(rates)),
                    "parameters": count_parameters(method, problem.prompted.pretrained.model),
                    **_measured(problem, method, number, run),
                }
            )
    return pd.DataFrame(rows)


def method_of(choice: Choice, problem: Problem) -> Method:
    """Return one method that trains a choice in all layers.

    Single entries are as many in all as the rows would have, the same number in each layer.
    """
    if choice.kind == FULL:
        return Weights(list(problem.layers))
    if choice.kind == "entries":
        count = parameters(choice, problem.layers) // len(problem.layers)
        return Entries(count, targets=list(problem.layers), seed=choice.seed)
    (method,) = methods_of(choice, problem.layers)
    return method


def _run(problem: Problem, method: Method, number: int, recipe: Recipe) -> Trajectory | None:
    """Return a run measured on the validation examples at its end; None where it diverged."""
    try:
        return finetune(problem.setup(method, number), recipe, at=[recipe.steps], twin=False)
    except DivergedError:
        return None


def _validation_loss(run: Trajectory | None) -> float:
    return math.inf if run is None else float(run.rows.test_loss.iloc[-1])


def _measured(problem: Problem, method: Method, number: int, run: Trajectory | None) -> dict[str, float]:
    if run is None:
        names = ("train_loss", "train_accuracy", "validation_loss", "score")
        return dict.fromkeys(names, math.nan)
    last = run.rows.iloc[-1]
    attached, test = problem.setup(method, number).attached, problem.draws[number].test
    outputs = attached.outputs_on({name: value.detach() for name, value in run.values.items()}, problem.test)
    answers = (outputs @ attached.basis.to(outputs).T).argmax(dim=1).cpu().numpy()
    return {
        "train_loss": float(last.loss) / len(problem.places[number]),
        "train_accuracy": float(last.accuracy),
        "validation_loss": float(last.test_loss),
        "score": metrics.score(problem.task.metric, test.labels, answers),
    }
