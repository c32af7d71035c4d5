"""The reference grids: which studies, of what size, on which tasks and draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import torch

from lintune.descent import Recipe
from lintune.methods import LoRA, Method, Weights
from lintune.models import Pretrained
from lintune.prompted import PromptedModel
from lintune.studies import predictors, rocoft
from lintune.studies.advice import advices
from lintune.studies.behaviour import HEAD, PROMPT, Effort, Plan, behaviour
from lintune.studies.comparison import Plan as FairPlan
from lintune.studies.comparison import comparison
from lintune.studies.departure import Dial, departures, short_texts
from lintune.studies.strengths import strengths
from lintune.studies.sweep import Effort as SweepEffort
from lintune.studies.sweep import chosen, sweep
from lintune.tangents import top_layers
from lintune.tasks import FewShot, Task, few_shot


@dataclass(frozen=True)
class Grid:
    """A study of some draws of a task.

    Attributes:
        run: Runs it on a model, a task and the seeds of the draws; its rows have a column `seed`.
        settings: What `run` is given beside these.
        dtype: Type of the model's numbers.
    """

    run: Callable[..., pd.DataFrame]
    settings: dict[str, Any]
    dtype: torch.dtype = torch.float32


def _each_draw(study: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """Return a study of one draw as one of several, `examples` in all and as many of each class."""

    def run(
        pretrained: Pretrained,
        task: Task,
        seeds: Sequence[int],
        examples: int,
        test_examples: int,
        **settings: Any,
    ) -> pd.DataFrame:
        prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind))
        shots = examples // len(task.classes)
        splits = {seed: few_shot(task, shots, seed, test_examples) for seed in seeds}
        return pd.concat(
            [study(prompted, split, **settings).assign(seed=seed) for seed, split in splits.items()]
        )

    return run


@_each_draw
def run_predictors(
    prompted: PromptedModel,
    split: FewShot,
    depths: list[int],
    kinds: list[str],
    ranks: list[int],
    recipe: dict[str, Any],
) -> pd.DataFrame:
    """Describe and train every configuration."""
    methods = predictors.configurations(prompted, depths, kinds, ranks)
    return predictors.grid(prompted, split, methods, Recipe(**recipe))


@_each_draw
def run_strengths(
    prompted: PromptedModel,
    split: FewShot,
    depth: int,
    rank: int,
    alpha: float,
    relative: list[float],
    steps: int,
    curvature: bool,
) -> pd.DataFrame:
    """Fine-tune weights, and LoRA, of the last blocks with pulls of many strengths."""
    layers = top_layers(prompted.pretrained.model, depth)
    methods: dict[str, Method] = {
        "weights": Weights(layers),
        f"LoRA, alpha {alpha:g}": LoRA(rank, alpha, layers),
    }
    return strengths(prompted, split, methods, relative, steps=steps, curvature=curvature)


def run_behaviour(
    pretrained: Pretrained,
    task: Task,
    seeds: Sequence[int],
    effort: dict[str, Any],
    **settings: Any,
) -> pd.DataFrame:
    """Compare kernels, linearised models and networks, from a prompt and from a fresh head."""
    return behaviour(pretrained, task, Plan(effort=Effort(**effort), **settings), seeds)


def run_methods(
    pretrained: Pretrained, task: Task, seeds: Sequence[int], names: list[str] | None, **settings: Any
) -> pd.DataFrame:
    """Compare methods on the same layers, each with as many trials of its learning rate."""
    return comparison(pretrained, task, FairPlan(**settings), seeds, names)


def run_selection(
    pretrained: Pretrained,
    task: Task,
    seeds: Sequence[int],
    depth: int,
    count: int,
    examples: int,
    validation_examples: int,
    test_examples: int,
    selections: list[int],
    trained_rules: list[str],
    rates: list[float],
    recipe: dict[str, Any],
) -> pd.DataFrame:
    """Regress with the kernels of rows and columns under every rule, and train rows under some."""
    classes = len(task.classes)
    problem = rocoft.Problem.of(
        PromptedModel(pretrained, task.prompt_for(pretrained.kind)),
        task,
        depth,
        shots=examples // classes,
        validation_shots=validation_examples // classes,
        seeds=seeds,
        test_examples=test_examples,
    )
    kinds = ["rows", "columns", "entries", "lora"]
    kernels = rocoft.choices(kinds, [count], rocoft.RULES, selections)
    ways = [rocoft.Choice(rocoft.FULL, 0, "all")]
    ways += rocoft.choices(["rows", "entries", "lora"], [count], trained_rules, selections[:1])
    ways += rocoft.choices(["columns"], [count], ["first"], selections[:1])
    regressed = rocoft.kernel_accuracies(problem, kernels).assign(what="regression")
    learnt = rocoft.trained(problem, ways, rates, Recipe(rates[0], **recipe)).assign(what="training")
    return pd.concat([regressed, learnt], ignore_index=True)


def run_departure(
    pretrained: Pretrained,
    task: Task,
    seeds: Sequence[int],
    per_class: int,
    test_per_class: int,
    **dial: Any,
) -> pd.DataFrame:
    """Run LoRA over scales, rates and steps beside its linear twin; a seed draws the examples and A."""
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind))
    splits = {seed: short_texts(task, per_class, test_per_class, seed) for seed in seeds}
    return pd.concat(
        [departures(prompted, split, Dial(**dial), seed).assign(seed=seed) for seed, split in splits.items()],
        ignore_index=True,
    )


def _on_candidates(study: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """Return a study of the sweep's candidates."""

    def run(
        pretrained: Pretrained,
        task: Task,
        seeds: Sequence[int],
        effort: dict[str, Any],
        **settings: Any,
    ) -> pd.DataFrame:
        found = chosen(pretrained.model)
        return study(pretrained, task, found, seeds, effort=SweepEffort(**effort), **settings)

    return run


_FACTORS: dict[str, Any] = {"depth": 2, "rank": 8, "alpha": 128.0}
_RATES = {"sgd": [1.0, 4.0, 16.0], "signgd": [0.3, 1.0, 3.0], "adam": [0.3, 1.0, 3.0]}
_BEHAVIOUR: dict[str, Any] = {
    "optimisers": {PROMPT: ["sgd", "signgd", "adam"], HEAD: ["sgd"]},
    "depth": 2,
    "test_examples": 100,
    "validation_shots": 8,
    "effort": {"steps": 32, "batch": 8, "rates": _RATES},
}
_SWEEP: dict[str, Any] = {
    "examples": 32,
    "test_examples": 200,
    "effort": {"steps": 16, "batch": 8, "rate": 2e-3, "factor": 4.0, "trials": 5},
}
_strengths = partial(Grid, run_strengths)
GRIDS = {
    "predictors": Grid(
        run_predictors,
        {
            "depths": [1, 2, 4, 6],
            "kinds": ["queries and values", "all weights"],
            "ranks": [2, 8, 32],
            "recipe": {
                "learning_rate": 1e-3,
                "steps": 20,
                "loss": "cross-entropy",
                "optimiser": "adam",
            },
            "examples": 32,
            "test_examples": 100,
        },
    ),
    # All methods on the same layers.
    "methods": Grid(
        run_methods,
        {
            "names": None,
            "depth": 2,
            "rank": 8,
            "count": 3,
            "examples": 32,
            "validation_examples": 32,
            "test_examples": 200,
            "steps": 24,
            "batch": 8,
            "rates": [1e-4, 1e-3, 1e-2, 1e-1],
            "search_draws": 2,
            "rounds": 5,
        },
    ),
    # Which rows and columns are chosen.
    "selection": Grid(
        run_selection,
        {
            "depth": 2,
            "count": 3,
            "examples": 32,
            "validation_examples": 32,
            "test_examples": 200,
            "selections": [0, 1, 2],
            "trained_rules": ["first", "random", "wanda", "gradient", "gradient, least"],
            "rates": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
            "recipe": {"steps": 24, "batch": 8, "loss": "cross-entropy", "optimiser": "adam"},
        },
    ),
    # How accuracy changes with the strength.
    "strengths": _strengths(
        _FACTORS
        | {"relative": [0.001, 0.01, 0.1, 1.0, 10.0], "steps": 25, "curvature": False}
        | {"examples": 16, "test_examples": 100}
    ),
    # How gaps fall with the strength, where float32 would not tell the smallest from rounding.
    "bounds": _strengths(
        _FACTORS
        | {"relative": [0.01, 0.1, 1.0, 10.0, 100.0], "steps": 20, "curvature": True}
        | {"examples": 12, "test_examples": 40},
        dtype=torch.float64,
    ),
    # Whether kernel behaviour holds, by the number of training examples per class.
    "behaviour_16": Grid(run_behaviour, _BEHAVIOUR | {"shots": 16}),
    "behaviour_64": Grid(run_behaviour, _BEHAVIOUR | {"shots": 64}),
    "behaviour_512": Grid(
        run_behaviour,
        _BEHAVIOUR
        | {"shots": 512, "turned_shots": 0, "effort": {"steps": 256, "batch": 8, "rates": _RATES}}
        | {"optimisers": {PROMPT: ["sgd"], HEAD: ["sgd"]}},
    ),
    # What the advisor replaces: every candidate trained, each with a learning rate of its own.
    "sweep": Grid(_on_candidates(sweep), _SWEEP),
    # What the advisor says of the same candidates on the same draws.
    "advice": Grid(_on_candidates(advices), _SWEEP | {"repeats": 4, "probe_steps": 4}),
    # Where real LoRA leaves its linear twin, and what announces it.
    "departure": Grid(
        run_departure,
        {
            "per_class": 4,
            "test_per_class": 8,
            "alphas": [16.0, 64.0, 256.0, 1024.0],
            "rates": [0.0125, 0.05, 0.2, 0.8],
            "steps": [8, 16, 32],
            "rank": 8,
            "depth": 1,
        },
    ),
}
