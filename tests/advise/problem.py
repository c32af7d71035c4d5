"""A tiny problem for the advisor: functions on tiny models, labelled examples, candidates, random kernels."""

from functools import cache

import numpy as np
import torch

from lintune.advise import Candidate, Look, Sight, look
from lintune.descent import Recipe
from lintune.prompted import PromptedModel
from lintune.tasks import Examples
from tests.studies.behaviour.tiny_tasks import examples, task
from tests.tiny import pretrained

RECIPE = Recipe(1e-3, 6, loss="cross-entropy", optimiser="adam", batch=4)
EXAMPLES = examples(0, 12, 2)
# Every kind, both choices of layers, runs that overlap, ranks and alphas, with and without a pull.
CANDIDATES = (
    Candidate((1, 2), "all", rank=2, alpha=4.0),
    Candidate((1, 2), "all", rank=2, alpha=1.0, pull=1.0),
    Candidate((0, 2), "all", rank=2, alpha=4.0),
    Candidate((0, 2), "usual", rank=2, alpha=4.0),
    Candidate((0, 1), "usual", rank=4, alpha=8.0),
    Candidate((0, 2), "all", "ia3", rank=0, alpha=0.0),
    Candidate((1, 2), "usual", "ia3", rank=0, alpha=0.0, pull=0.5),
    Candidate((0, 2), "all", "rows", rank=3, alpha=0.0),
    Candidate((1, 2), "all", "rows", rank=1, alpha=0.0),
)


def function(name: str = "llama", classes: int = 2, dtype: torch.dtype = torch.float64) -> PromptedModel:
    """Return the function of a tiny model."""
    model = pretrained(name, dtype)
    return PromptedModel(model, task(classes).prompt_for(model.kind), longest=32)


def of_classes(classes: int, n: int = 12) -> Examples:
    """Return labelled examples."""
    return examples(0, n, classes)


@cache
def seen(classes: int = 2) -> Look:
    """Return a look at all candidates on the tiny llama."""
    return look(function(classes=classes), of_classes(classes), CANDIDATES)


def jacobian(seed: int, n: int, classes: int, p: int) -> np.ndarray:
    """Return gradients of logits `(n, C, p)`, drawn at random."""
    return np.random.default_rng(seed).normal(size=(n, classes, p)) / p**0.5


def sight(*parts: np.ndarray, moving: int | tuple[int, ...] = 50, pull: float = 0.0) -> Sight:
    """Return a candidate with kernels that are given, one for each group of its layers."""
    each = np.broadcast_to(np.asarray(moving), len(parts))
    return Sight(Candidate((1, 2), rank=2, alpha=4.0, pull=pull), np.stack(parts), each, 2 * int(each.sum()))
