"""The advisor on the draws of a sweep: what it says of each candidate, and what its first choice comes to."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lintune.advise import PACE, Advice, Candidate, Course, Probe, advise, course, probe
from lintune.descent import Recipe
from lintune.models import Pretrained
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.comparison.bench import Bench
from lintune.studies.sweep import Effort, default
from lintune.tasks import Examples, Task


def advices(
    pretrained: Pretrained,
    task: Task,
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    *,
    examples: int,
    test_examples: int,
    effort: Effort,
    repeats: int = 4,
    probe_steps: int = 4,
    longest: int = 256,
) -> pd.DataFrame:
    """Ask the advisor about every draw of a sweep, and train its first choice as it says.

    It sees what the sweep sees: training and validation examples with their labels. The first choice, and
    the usual default, are then trained once, on the training examples, with the suggested rate and strength;
    nothing is chosen by the test examples.

    Args:
        pretrained: The model.
        task: The task.
        candidates: Those of the sweep.
        seeds: Seeds of the draws.
        examples: Training examples, as in the sweep; there are as many for validation.
        test_examples: Test examples, as in the sweep.
        effort: How candidates are trained in the sweep.
        repeats: How often forecasts divide the examples into halves.
        probe_steps: Real steps of a probe.
        longest: Prompts are cut to this many tokens.

    Returns:
        Rows told apart by `what`, with `seed`. `score`: one per candidate, with all columns of
        `lintune.advise.Advice.rows`, and `predicted`, for each rate of the sweep's grid `rate`, `train_loss`
        and `validation_loss` of the linear run on the sweep's own training examples. `advice`: `seconds` of
        look and forecasts, and `look_seconds`. `trained`: for the `first` and, where it is a candidate, the
        `default` (`role`) the
        `candidate`, its `rate`, `train_loss`, `test_loss`, `test_score` (NaN where training diverged) and
        `train_seconds`; and of its probe `share`, `verdict`, `real_end`, `predicted_end`, `probe_seconds`.

    Raises:
        InputError: A candidate does not fit the model, or the task has too few examples.
    """
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), longest)
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        each = draw(task, examples // len(task.classes), seed, test_examples)
        pool = together(each)
        recipe = effort.recipe(effort.rate, 0.0, seed)
        found = advise(prompted, pool, candidates, recipe, repeats=repeats, seed=seed)
        rows += _scored(found, each, effort)
        rows.append({"what": "advice", "seconds": found.seconds, "look_seconds": found.look.seconds})
        usual = default(pretrained.model)
        roles = {"first": found.first} | ({"default": usual} if usual in found.candidates else {})
        for role, candidate in roles.items():
            trained = _trained(prompted, each, found, candidate, task)
            tried = _probed(prompted, pool, found, candidate, probe_steps)
            rows.append({"what": "trained", "role": role, "candidate": candidate.name, **trained, **tried})
        rows = [row if "seed" in row else row | {"seed": seed} for row in rows]
    return pd.DataFrame(rows)


def together(each: Draw) -> Examples:
    """Return training and validation examples as one set, in this order."""
    labels = np.concatenate([each.train.labels, each.validation.labels])
    return Examples((*each.train.fields, *each.validation.fields), labels)


def _scored(found: Advice, each: Draw, effort: Effort) -> list[dict[str, Any]]:
    rates = [effort.rate * effort.factor**power for power in range(2 - effort.trials, effort.trials - 1)]
    by_name = {candidate.name: candidate for candidate in found.candidates}
    return [
        {
            "what": "score",
            **{str(key): value for key, value in row.items()},
            "predicted": _predicted(found, by_name[row["candidate"]], each, effort, rates),
        }
        for row in found.rows.to_dict("records")
    ]


def _predicted(
    found: Advice, candidate: Candidate, each: Draw, effort: Effort, rates: Sequence[float]
) -> list[dict[str, float]]:
    """Return what the linear run on the sweep's own examples comes to where a real run has each rate."""
    sight, n = found.look.at(candidate), len(each.train)
    kernel = sight.kernel[:n][:, :, :n]
    mean = float(np.einsum("icic->", kernel)) / (n * kernel.shape[1])
    recipe = effort.recipe(effort.rate, candidate.pull * mean, each.seed)
    run = ahead(found, n, candidate, recipe, rates)
    ends = zip(rates, run.train[:, -1], run.held[:, -1], strict=True)
    return [
        {"rate": rate, "train_loss": float(train), "validation_loss": float(held)}
        for rate, train, held in ends
    ]


def ahead(found: Advice, n: int, candidate: Candidate, recipe: Recipe, rates: Sequence[float]) -> Course:
    """Return the linear runs on the first n examples of advice, the others held out, at real rates.

    Args:
        found: The advice.
        n: How many of its examples are trained on.
        candidate: Which candidate.
        recipe: How to train, but for the rate.
        rates: Learning rates of the real runs; the linear ones go at their pace.
    """
    return course(
        found.look.at(candidate),
        found.look.logits,
        found.look.labels,
        np.arange(n),
        np.arange(n, len(found.look.labels)),
        recipe=recipe,
        rates=np.array(rates) * PACE[candidate.kind],
    )


def _trained(
    prompted: PromptedModel, each: Draw, found: Advice, candidate: Candidate, task: Task
) -> dict[str, Any]:
    method = candidate.method(prompted.pretrained.model, each.seed)
    bench = Bench.of(prompted, method, [each], task.metric)
    recipe = found.recipe_for(candidate)
    began = time.monotonic()
    run = bench.run(0, replace(recipe, seed=each.seed))
    taken: dict[str, Any] = {"rate": recipe.learning_rate, "train_seconds": time.monotonic() - began}
    if run is None:
        return taken | dict.fromkeys(("train_loss", "test_loss", "test_score"), math.nan)
    return taken | {"train_loss": run.train_loss} | bench.scores(0, run.values)


def _probed(
    prompted: PromptedModel, pool: Examples, found: Advice, candidate: Candidate, steps: int
) -> Mapping[str, Any]:
    tried: Probe = probe(
        prompted,
        pool,
        found.look,
        candidate,
        found.recipe_for(candidate),
        steps=steps,
        seed=found.recipe.seed,
    )
    return {
        "share": tried.share,
        "verdict": tried.verdict,
        "real_end": tried.real_end,
        "predicted_end": tried.predicted_end,
        "probe_seconds": tried.seconds,
    }
