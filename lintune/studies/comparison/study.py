"""All methods on several draws of a task: chosen, trained, foretold by their kernels, and what they cost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from tqdm.auto import tqdm

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.methods import Method, Penalised, count_parameters
from lintune.models import Pretrained
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.behaviour.scoring import blind
from lintune.studies.comparison.bench import Bench
from lintune.studies.comparison.compared import compared
from lintune.studies.comparison.costs import peak_bytes, seconds_per_step
from lintune.studies.comparison.foretold import foretold
from lintune.studies.comparison.plan import Plan
from lintune.studies.comparison.trials import Row, Trials
from lintune.tasks import Task


def comparison(
    pretrained: Pretrained,
    task: Task,
    plan: Plan,
    seeds: Sequence[int],
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compare fine-tuning methods that are put on the same layers.

    Every method gets as many trials of the learning rate, chosen by cross-entropy on validation examples;
    test examples are looked at with the chosen rate alone. Loss is cross-entropy, the optimiser Adam.

    Args:
        pretrained: A model.
        task: The task.
        plan: Sizes and effort.
        seeds: Seeds of the draws, at least one.
        names: Which methods of `compared`; None for all.

    Returns:
        Rows told apart by `what`: `level`, what asks no training (`way`, `test_score`, `test_loss`);
        `kernel`, what `foretold` returns; `cost` (`parameters`, `seconds`, `peak_bytes`, `threads`,
        `penalty` weight); `trial` (`number`, `rate`, `validation_loss`, infinite where training diverged);
        `run`, one per draw at the chosen rate (`rate`, `at_edge`, `trials`, `diverged`, `train_loss`,
        `validation_loss`, `penalty` in the loss, `test_score`, `test_loss`). All but levels have `method`.

    Raises:
        InputError: No seeds or repeated ones, too few examples, a method that does not fit the model.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds={list(seeds)} must be at least one, and distinct.")
    methods = compared(pretrained.model, plan.depth, rank=plan.rank, count=plan.count, names=names)
    shots, more = (plan.shots(each, len(task.classes)) for each in (plan.examples, plan.validation_examples))
    draws = [draw(task, shots, seed, plan.test_examples, more) for seed in seeds]
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), plan.longest)
    bench = Bench.of(prompted, next(iter(methods.values())), draws, task.metric)
    rows = [*_levels(task, bench, draws), *_costs(bench, methods, plan)]
    rows += [
        {"what": "kernel", **row}
        for row in foretold(prompted, methods, draws[: plan.search_draws], task.metric)
    ]
    for name, method in tqdm(methods.items(), desc=f"{task.name}, methods", leave=False):
        trials = Trials(bench.with_method(method), plan, tuple(seeds))
        rows += [{"method": name, **row} for row in trials.rows()]
    return pd.DataFrame(rows)


def _levels(task: Task, bench: Bench, draws: Sequence[Draw]) -> Iterator[Row]:
    """Yield the rows of what asks no training: guessing, the largest class, answers to the prompt."""
    for row in blind(task, bench.test.labels):
        yield {"what": "level", "way": row["way"], "test_score": row["score"]}
    attached = bench.attached
    test = attached.outputs_on(attached.start, bench.prepared).double().cpu().numpy()
    yield {"what": "level", "way": "zero-shot", **bench.scored(test)}
    for setup, each in zip(bench.setups, draws, strict=True):
        train = attached.outputs_on(attached.start, setup.train).double().cpu().numpy()
        # Contrasts of the logits without each word's mean, as `baselines.calibrated_zero_shot` has them.
        scores = bench.scored(test - train.mean(axis=0))
        yield {"what": "level", "way": "zero-shot, calibrated", "seed": each.seed, **scores}


def _costs(bench: Bench, methods: Mapping[str, Method], plan: Plan) -> Iterator[Row]:
    setup = bench.setups[0]
    recipe = Recipe(plan.rates[0], 1, loss="cross-entropy", optimiser="adam", batch=plan.batch)
    seconds = seconds_per_step(setup, methods, recipe, plan.rounds) if plan.rounds else {}
    model = bench.attached.prompted.pretrained.model
    for name, method in methods.items():
        row: dict[str, Any] = {
            "what": "cost",
            "method": name,
            "parameters": count_parameters(method, model),
            "seconds": seconds.get(name),
            "peak_bytes": peak_bytes(setup, method, recipe) if plan.memory else None,
            "threads": torch.get_num_threads(),
            "penalty": _penalty(method),
        }
        yield row


def _penalty(method: Method) -> float | None:
    """Return the weight of a method's pattern constraint; None where it has none."""
    penalised = isinstance(method, Penalised) and method.penalised
    return getattr(method, "mpc_weight", None) if penalised else None
