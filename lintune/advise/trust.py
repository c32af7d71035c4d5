"""How far to trust a forecast: a few real steps beside it, and the network where it says training ends."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from lintune.advise.candidates import Candidate
from lintune.advise.course import course
from lintune.advise.forecast import PACE
from lintune.advise.look import Look
from lintune.descent import Recipe, descend, loss_for
from lintune.errors import CorruptFileError, DivergedError, InputError
from lintune.finetune import Network
from lintune.linearized import TangentModel
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

# Up to this share of the change of the outputs that the linear model gets wrong, it is a description; up to
# the second, a guide to the order of candidates alone.
DESCRIBES, GUIDES = 0.1, 0.5
Verdict = Literal["describes", "guides", "fails"]


@dataclass(frozen=True, eq=False)
class Probe:
    """One candidate, tried.

    Attributes:
        candidate: The candidate.
        rate: Its learning rate.
        real: `(steps + 1,)` mean loss of the examples that each real step saw, and in the end of those that
            the next one would see; shorter where training diverged.
        predicted: `(steps + 1,)` the same of the linear run with steps of Adam's length.
        share: ||f - f_linear|| / ||f_linear - f0|| over the examples where the forecast says that training
            ends: how much of the change the linear model gets wrong there.
        real_end: Mean loss of the network at that place.
        predicted_end: Mean loss that the linear model says it has there.
        seconds: What both took.
    """

    candidate: Candidate
    rate: float
    real: np.ndarray
    predicted: np.ndarray
    share: float
    real_end: float
    predicted_end: float
    seconds: float

    @property
    def diverged(self) -> bool:
        """Whether the real steps left the finite numbers, or more than doubled the loss.

        The last batch may be a harder one than the first: its loss must also be twice what is predicted.
        """
        if len(self.real) < len(self.predicted):
            return True
        return bool(self.real[-1] > 2 * max(self.real[0], self.predicted[-1]))

    @property
    def verdict(self) -> Verdict:
        """`describes`, `guides` or `fails`, by the share; `fails` where the real steps diverged."""
        if self.diverged or not self.share <= GUIDES:
            return "fails"
        return "describes" if self.share <= DESCRIBES else "guides"


def probe(
    prompted: PromptedModel,
    examples: Examples,
    seen: Look,
    candidate: Candidate,
    recipe: Recipe,
    *,
    steps: int = 4,
    seed: int = 0,
) -> Probe:
    """Train a candidate for a few steps, and look at the network where the forecast says that it ends.

    Args:
        prompted: The function.
        examples: The N examples that were looked at.
        seen: What `lintune.advise.look.look` returned for them.
        candidate: Which candidate.
        recipe: How it would be trained, with the suggested rate and strength.
        steps: How many real steps, at most those of the recipe.
        seed: Of what the method draws, as in the look.

    Raises:
        InputError: The steps are less than one, or the candidate or the examples were not looked at.
    """
    if steps < 1:
        raise InputError(f"steps={steps} must be at least 1.")
    if candidate not in seen.candidates:
        raise InputError(f"candidate={candidate.name!r} was not looked at.")
    if not np.array_equal(examples.labels, seen.labels):
        raise InputError("examples are not those that were looked at: their labels differ.")
    began = time.monotonic()
    short = replace(recipe, steps=min(steps, recipe.steps))
    attached = Attached(prompted, candidate.method(prompted.pretrained.model, seed))
    prepared = attached.prepare(examples)
    sight, places, none = seen.at(candidate), np.arange(len(examples)), np.arange(0)
    rates = np.array([recipe.learning_rate * PACE[candidate.kind]])
    beside = course(sight, seen.logits, seen.labels, places, none, recipe=short, rates=rates)
    # In one group, so that one backward pass leads there.
    ended = course(sight.whole, seen.logits, seen.labels, places, none, recipe=recipe, rates=rates)
    network = Network(attached, prepared)
    loss = loss_for("cross-entropy", examples.labels, seen.classes)
    real: list[float] = []
    with suppress(DivergedError):
        for step in descend(network, loss, short, attached.penalty):
            real.append(step.loss / len(examples))
    alpha = torch.as_tensor(ended.alpha[0, 0])
    away = TangentModel(attached, prepared).pulled(alpha)
    there = {name: value + away[name].to(value) for name, value in attached.start.items()}
    before = torch.as_tensor(seen.logits) @ attached.basis.cpu().double()
    gram = torch.as_tensor(sight.kernel)
    linear = before + torch.tensordot(gram, alpha, 2)
    rows = torch.arange(len(examples))
    try:
        found = attached.outputs_on(there, prepared).double().cpu()
        share = float((found - linear).norm() / (linear - before).norm())
        real_end = float(loss.value(found, rows)) / len(examples)
    except CorruptFileError:  # the network overflows there
        share, real_end = float("inf"), float("inf")
    return Probe(
        candidate,
        recipe.learning_rate,
        np.array(real),
        beside.batches[0],
        share,
        real_end,
        float(loss.value(linear, rows)) / len(examples),
        time.monotonic() - began,
    )
