"""Advice: every candidate scored from one look, put in order, within a budget."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lintune.advise.candidates import Candidate
from lintune.advise.cost import Budget, Clock
from lintune.advise.course import check_recipe
from lintune.advise.forecast import Forecast, forecast
from lintune.advise.look import Look, look, parameters_of
from lintune.advise.ranking import combined, ties
from lintune.advise.scores import scores
from lintune.descent import Recipe
from lintune.errors import InputError, unknown_name
from lintune.prompted import PromptedModel
from lintune.tasks import Examples


@dataclass(frozen=True, eq=False)
class Advice:
    """What to train.

    Attributes:
        rows: A row per candidate within the budget, the best first: `candidate`, `parameters`, `seconds` of
            training, `rate` and `strength` to train with, `order` (the mean rank that they are ordered by),
            `tie` (whether it is within the noise of the first), and every one of `lintune.advise.SCORES`.
        candidates: The candidates of the rows, in their order.
        forecasts: Predicted runs by name of the candidate.
        look: The kernels.
        outside: How many candidates exceed the budget.
        recipe: How they would be trained, but for rate and strength.
        tokens: Mean number of tokens of an example.
        seconds: What look and forecasts took.
    """

    rows: pd.DataFrame
    candidates: tuple[Candidate, ...]
    forecasts: dict[str, Forecast]
    look: Look
    outside: int
    recipe: Recipe
    tokens: float
    seconds: float

    @property
    def first(self) -> Candidate:
        """The candidate that is recommended."""
        return self.candidates[0]

    def recipe_for(self, candidate: Candidate) -> Recipe:
        """Return how to train a candidate, with its suggested rate and strength.

        Raises:
            InputError: It is none of the candidates within the budget.
        """
        if candidate.name not in self.forecasts:
            raise unknown_name("candidate", candidate.name, self.forecasts)
        found = self.forecasts[candidate.name]
        return replace(self.recipe, learning_rate=found.rate, strength=found.strength)

    @property
    def cheapest(self) -> Candidate:
        """Of the candidates that tie with the first, the one that trains fastest, then smallest."""
        tied = self.rows[self.rows.tie].sort_values(["seconds", "parameters"], kind="stable")
        return self.candidates[int(tied.index[0])]


def advise(
    prompted: PromptedModel,
    examples: Examples,
    candidates: Sequence[Candidate],
    recipe: Recipe,
    *,
    budget: Budget | None = None,
    repeats: int = 4,
    seed: int = 0,
) -> Advice:
    """Put candidates in order before any training.

    Args:
        prompted: The function.
        examples: N labelled examples, at least two of each class that occurs.
        candidates: What could be trained.
        recipe: How: Adam on the cross-entropy. Its rate and strength are not read.
        budget: What training may cost; candidates that exceed it are left out.
        repeats: How often forecasts divide the examples into halves.
        seed: Of what methods draw, of halves, and of the order of examples.

    Raises:
        InputError: Fewer than two classes, a class of which there is one example, a label that is no class, a
            candidate that does not fit the model, a budget that nothing fits, a recipe of another kind, or
            no repeats.
    """
    _check(prompted, examples, candidates)
    check_recipe(recipe)
    if repeats < 1:
        raise InputError(f"repeats={repeats} must be at least 1.")
    began = time.monotonic()
    lengths = [len(prompt.ids) for prompt in prompted.encode(examples)]
    tokens = sum(lengths) / len(lengths)
    visits = recipe.steps * (len(examples) if recipe.batch is None else min(recipe.batch, len(examples)))
    parameters = parameters_of(prompted, candidates)
    affordable, seconds = _within(prompted, examples, parameters, budget or Budget(), visits * tokens)
    seen = look(prompted, examples, affordable, seed=seed, parameters=parameters)
    rows, forecasts = [], {}
    for candidate in tqdm(affordable, desc="forecasts", leave=False):
        sight = seen.at(candidate)
        found = forecast(sight, seen.logits, seen.labels, recipe, repeats=repeats, seed=seed)
        said = scores(sight, seen.logits, seen.labels, found, repeats=repeats, seed=seed)
        plan = {"seconds": seconds[candidate], "rate": found.rate, "strength": found.strength}
        forecasts[candidate.name] = found
        rows.append({"candidate": candidate.name, **plan, **said})
    table = pd.DataFrame(rows)
    table["order"] = combined(table)
    order = np.argsort(table["order"].to_numpy(), kind="stable")
    best = affordable[order[0]].name
    tied = ties({name: each.losses for name, each in forecasts.items()}, best)
    table = table.assign(tie=table.candidate.isin(tied)).iloc[order].reset_index(drop=True)
    return Advice(
        table,
        tuple(affordable[place] for place in order),
        forecasts,
        seen,
        len(candidates) - len(affordable),
        recipe,
        tokens,
        time.monotonic() - began,
    )


def _within(
    prompted: PromptedModel,
    examples: Examples,
    parameters: Mapping[Candidate, int],
    budget: Budget,
    tokens: float,
) -> tuple[list[Candidate], dict[Candidate, float]]:
    """Return the candidates within the budget, and what training each takes."""
    clock = Clock.of(prompted, examples)
    seconds = {candidate: clock.training(candidate, tokens) for candidate in parameters}
    fits = budget.check([(size, seconds[each]) for each, size in parameters.items()])
    return [each for each, fit in zip(parameters, fits, strict=True) if fit], seconds


def _check(prompted: PromptedModel, examples: Examples, candidates: Sequence[Candidate]) -> None:
    """Refuse what no advice can be given on, before any pass."""
    if not candidates:
        raise InputError("candidates must hold at least one.")
    if len({candidate.name for candidate in candidates}) < len(candidates):
        raise InputError("candidates must be distinct.")
    if not len(examples):
        raise InputError("examples: there are none; advice needs at least two of each class.")
    counts = np.bincount(examples.labels, minlength=prompted.classes)
    if len(counts) > prompted.classes:
        raise InputError(
            f"examples: label {len(counts) - 1} is no class; there are {prompted.classes} classes."
        )
    if (counts > 0).sum() < 2:
        raise InputError("examples are all of one class; advice needs at least two of each of two classes.")
    if (counts == 1).any():
        raise InputError(
            f"examples: class {int((counts == 1).argmax())} has one example; advice needs two, one to learn "
            "from and one to test on."
        )
