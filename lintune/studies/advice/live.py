"""A few candidates trained once, as the advisor says, beside what it predicted of that very run."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from lintune.advise import Advice, Candidate, margin
from lintune.descent import Recipe, descend, loss_for
from lintune.errors import CorruptFileError, DivergedError, InputError
from lintune.finetune import Network
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.studies.advice.study import ahead
from lintune.studies.behaviour.draws import Draw
from lintune.studies.behaviour.training import mean_loss
from lintune.tasks import Examples


def handful(found: Advice, count: int, others: Sequence[Candidate] = ()) -> tuple[Candidate, ...]:
    """Return the first choice, some others, and the cheapest to train of the rest, each once.

    Args:
        found: The advice.
        count: How many of the cheapest.
        others: Candidates that are wanted anyway; those without a forecast are left out.
    """
    wanted = [found.first, *(each for each in others if each.name in found.forecasts)]
    by_name = {candidate.name: candidate for candidate in found.candidates}
    rest = found.rows[~found.rows.candidate.isin([each.name for each in wanted])]
    cheap = rest.sort_values(["seconds", "parameters"], kind="stable").candidate.head(count)
    return tuple(dict.fromkeys([*wanted, *(by_name[name] for name in cheap)]))


def margins(found: Advice) -> pd.DataFrame:
    """Return how far predicted held-out losses are from that of the first choice, with the noise of that.

    Returns:
        A row per candidate in the order of the advice: `candidate`; `loss`, predicted; `above`, its mean
        difference over examples from the first choice's; `error`, the standard error of that (NaN of the
        first choice); `tie`.
    """
    own = found.forecasts[found.first.name].losses
    table = []
    for name, tie in zip(found.rows.candidate, found.rows.tie, strict=True):
        above, error = margin(found.forecasts[name].losses, own)
        error = error if name != found.first.name else np.nan
        loss = found.forecasts[name].held_loss
        table.append({"candidate": name, "loss": loss, "above": above, "error": error, "tie": bool(tie)})
    return pd.DataFrame(table)


def tried(
    prompted: PromptedModel, each: Draw, found: Advice, candidates: Sequence[Candidate]
) -> pd.DataFrame:
    """Train candidates once with the suggested rate, and predict these very runs.

    Args:
        prompted: The function.
        each: The draw; training is on its training examples, its validation examples are held out.
        found: What `lintune.advise.advise` said of `lintune.studies.advice.together(each)`.
        candidates: Which to train.

    Returns:
        A row per candidate: `candidate`, `rate`; `batches`, the mean losses of the examples that each step
        sees, shorter where training diverged, and `predicted_batches`; `train_loss` and `held_loss` in the
        end (NaN where it diverged), and the same with `predicted_` before them; `seconds`.

    Raises:
        InputError: The advice is about other examples, or says nothing of a candidate.
    """
    if len(found.look.labels) != len(each.train) + len(each.validation):
        raise InputError(
            f"found is about {len(found.look.labels)} examples; expected the {len(each.train)} training and "
            f"{len(each.validation)} validation examples of the draw."
        )
    for candidate in candidates:
        if candidate.name not in found.forecasts:
            raise InputError(f"candidates: {candidate.name!r} is not among those of the advice.")
    return pd.DataFrame([_row(prompted, each, found, candidate) for candidate in candidates])


def _row(prompted: PromptedModel, each: Draw, found: Advice, candidate: Candidate) -> dict[str, Any]:
    recipe = found.recipe_for(candidate)
    run = ahead(found, len(each.train), candidate, recipe, [recipe.learning_rate])
    method = candidate.method(prompted.pretrained.model, found.recipe.seed)
    attached = Attached(prompted, method)
    began = time.monotonic()
    batches, ends = _run(attached, each.train, each.validation, recipe)
    return {
        "candidate": candidate.name,
        "rate": recipe.learning_rate,
        "batches": batches,
        "predicted_batches": run.batches[0].tolist(),
        **ends,
        "predicted_train_loss": float(run.train[0, -1]),
        "predicted_held_loss": float(run.held[0, -1]),
        "seconds": time.monotonic() - began,
    }


def _run(
    attached: Attached, train: Examples, held: Examples, recipe: Recipe
) -> tuple[list[float], dict[str, float]]:
    prepared = attached.prepare(train)
    network = Network(attached, prepared)
    loss = loss_for("cross-entropy", train.labels, attached.prompted.classes)
    batches: list[float] = []
    ends = dict.fromkeys(("train_loss", "held_loss"), float("nan"))
    with suppress(DivergedError, CorruptFileError):
        for step in descend(network, loss, recipe, attached.penalty):
            batches.append(step.loss / len(train))
        for name, examples, ready in (
            ("train_loss", train, prepared),
            ("held_loss", held, attached.prepare(held)),
        ):
            outputs = network.outputs_on(ready).double().cpu().numpy()
            ends[name] = mean_loss(outputs, examples.labels)
    return batches, ends
