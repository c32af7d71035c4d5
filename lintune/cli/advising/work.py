"""The work of `lintune advise`: load, look, put in order, and try the first."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from lintune.advise import Advice, Candidate, Probe, advise, probe
from lintune.cli.advising.problem import Problem, problem_of
from lintune.cli.advising.request import Request
from lintune.descent import Recipe
from lintune.studies.sweep import default


@dataclass(frozen=True, eq=False)
class Done:
    """What was found.

    Attributes:
        request: What was asked for.
        problem: What it came to.
        advice: The candidates in order.
        default: What most people train; whether it is among the candidates depends on the request.
        probes: Real steps of the first candidate beside predicted ones; none where none were asked for.
        start_loss: Mean cross-entropy of the examples as the model is.
        start_error: Share of them that it gets wrong.
        chance: Cross-entropy of guessing, log C.
        out: Where everything is written.
    """

    request: Request
    problem: Problem
    advice: Advice
    default: Candidate
    probes: tuple[Probe, ...]
    start_loss: float
    start_error: float
    chance: float
    out: Path

    @property
    def recipe(self) -> Recipe:
        """How to train the first candidate."""
        return settled(self.advice, self.advice.first)


def advised(request: Request, out: Path) -> Done:
    """Advise, checking first what can be checked without the model, then without the capture.

    Raises:
        InputError: Something in the request is wrong, or no candidate fits the budget.
        FetchError: The task or the model cannot be fetched.
        CorruptFileError: Stored data are damaged.
    """
    problem = problem_of(request)
    prompted, examples = problem.prompted, problem.examples
    advice = advise(
        prompted,
        examples,
        problem.candidates,
        request.recipe,
        budget=request.budget,
        seed=request.seed,
    )
    usual = default(problem.pretrained.model)
    probes = (_probe(problem, advice, advice.first, request),) if request.probe_steps else ()
    logits, labels = advice.look.logits, advice.look.labels
    loss, error = _as_it_is(logits, labels)
    return Done(request, problem, advice, usual, probes, loss, error, math.log(logits.shape[1]), out)


def settled(advice: Advice, candidate: Candidate) -> Recipe:
    """Return how to train a candidate, its strength with as many digits as people copy."""
    recipe = advice.recipe_for(candidate)
    return replace(recipe, strength=float(f"{recipe.strength:.3g}"))


def _probe(problem: Problem, advice: Advice, candidate: Candidate, request: Request) -> Probe:
    recipe = settled(advice, candidate)
    return probe(
        problem.prompted,
        problem.examples,
        advice.look,
        candidate,
        recipe,
        steps=request.probe_steps,
        seed=request.seed,
    )


def _as_it_is(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the mean cross-entropy of logits `(N, C)`, and the share of errors."""
    own = log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return float(-own.mean()), float((logits.argmax(axis=1) != labels).mean())
