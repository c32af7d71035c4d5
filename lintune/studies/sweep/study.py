"""Every candidate trained on a draw, with trials of its learning rate; the sweep that advice is to save."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lintune import metrics
from lintune.advise.candidates import Candidate
from lintune.descent import Recipe
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import count_parameters
from lintune.models import Pretrained
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.comparison.bench import Bench, Run
from lintune.studies.rates import climb
from lintune.tasks import Task


@dataclass(frozen=True)
class Effort:
    """How each candidate is trained: Adam on the cross-entropy, the rate chosen on the validation examples.

    Attributes:
        steps: Updates of a run.
        batch: Examples in a step; None for all.
        rate: Rate of the first trial.
        factor: From one rate to the next.
        trials: Most trials of a candidate.
    """

    steps: int = 16
    batch: int | None = 8
    rate: float = 2e-3
    factor: float = 4.0
    trials: int = 5

    def recipe(self, rate: float, strength: float, seed: int) -> Recipe:
        """Return how to train with a rate."""
        return Recipe(
            rate,
            self.steps,
            loss="cross-entropy",
            optimiser="adam",
            strength=strength,
            batch=self.batch,
            seed=seed,
        )


def sweep(
    pretrained: Pretrained,
    task: Task,
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    *,
    examples: int,
    test_examples: int,
    effort: Effort,
    longest: int = 256,
) -> pd.DataFrame:
    """Train every candidate on every draw.

    Args:
        pretrained: The model.
        task: The task.
        candidates: What is trained; the frozen blocks are run anew wherever the first tuned block changes.
        seeds: Seeds of the draws, of what methods draw, and of the order of examples.
        examples: Training examples, as many of each class; as many again for validation.
        test_examples: Test examples.
        effort: How each is trained.
        longest: Prompts are cut to this many tokens.

    Returns:
        A row per candidate and draw: `candidate`, `seed`, `parameters`; `strength` of the pull; `rate`, the
        chosen one, and `at_edge`; `trials`, for each rate `rate`, `train_loss`, `validation_loss`,
        `validation_score` (None where it diverged); of the chosen run `train_loss`, `validation_loss`,
        `test_loss`, `test_score` (NaN where every rate diverged); `seconds` of all its trials. Losses are
        means. And for each draw a row of the `start`, with its test loss and its scores.

    Raises:
        InputError: A candidate does not fit the model, or the task has too few examples.
    """
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), longest)
    draws = [draw(task, examples // len(task.classes), seed, test_examples) for seed in seeds]
    rows: list[dict[str, Any]] = []
    for each in draws:
        bench: Bench | None = None
        for candidate in tqdm(candidates, desc="sweep", leave=False):
            method = candidate.method(pretrained.model, each.seed)
            if bench is None:
                bench = Bench.of(prompted, method, [each], task.metric)
                rows.append(_start(bench, each, task))
            else:
                bench = bench.with_method(method)
            rows.append(_row(bench, candidate, each, effort, task))
    return pd.DataFrame(rows)


def _row(bench: Bench, candidate: Candidate, each: Draw, effort: Effort, task: Task) -> dict[str, Any]:
    strength = candidate.pull * _mean_eigenvalue(bench, each) if candidate.pull else 0.0
    runs: dict[float, Run | None] = {}
    scores: dict[float, float | None] = {}
    began = time.monotonic()

    def loss_at(rate: float) -> float:
        run = bench.run(0, effort.recipe(rate, strength, each.seed))
        runs[rate] = run
        scores[rate] = None if run is None else _validation(bench, run, each, task)
        return math.inf if run is None else run.validation_loss

    found = climb(loss_at, effort.rate, effort.factor, effort.trials)
    seconds = time.monotonic() - began
    best = None if found.rate is None else runs[found.rate]
    ends: dict[str, float] = {"train_loss": math.nan, "validation_loss": math.nan}
    if best is not None:
        ends = {"train_loss": best.train_loss, "validation_loss": best.validation_loss}
        ends |= bench.scores(0, best.values)
    return {
        "candidate": candidate.name,
        "seed": each.seed,
        "parameters": count_parameters(bench.attached.method, bench.attached.prompted.pretrained.model),
        "strength": strength,
        "rate": found.rate,
        "at_edge": found.at_edge,
        "trials": [
            {
                "rate": rate,
                "train_loss": None if run is None else run.train_loss,
                "validation_loss": None if run is None else run.validation_loss,
                "validation_score": scores[rate],
            }
            for rate, run in runs.items()
        ],
        **ends,
        "seconds": seconds,
    }


def _start(bench: Bench, each: Draw, task: Task) -> dict[str, Any]:
    """Return the row of the model as it is."""
    start = bench.attached.start
    run = Run(start, math.nan, math.nan, 0.0)
    score = _validation(bench, run, each, task)
    return {"candidate": "start", "seed": each.seed, "validation_score": score, **bench.scores(0, start)}


def _validation(bench: Bench, run: Run, each: Draw, task: Task) -> float:
    setup = bench.setups[0]
    outputs = setup.attached.outputs_on(run.values, setup.test).double().cpu().numpy()
    predicted = (outputs @ contrasts(len(task.classes)).T).argmax(axis=1)
    return metrics.score(task.metric, each.validation.labels, predicted)


def _mean_eigenvalue(bench: Bench, each: Draw) -> float:
    """Return the mean eigenvalue of the kernel of contrasts of the training examples."""
    setup = bench.setups[0]
    found = tangent_kernels(
        setup.attached.prompted,
        each.train,
        each.validation,
        methods={"one": setup.attached.method},
        outputs=setup.attached.basis.cpu().numpy(),
        by_layer=False,
        prepared=(setup.train, setup.test),
    )
    gram = flat(found.train["one"].total())
    return float(np.trace(gram)) / len(gram)
