"""What `lintune advise` found, as plain numbers: what the record holds, and all that is printed and drawn."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lintune.advise import Candidate, Probe, margin
from lintune.cli.advising.work import Done, settled

Found = dict[str, Any]


def found(done: Done) -> Found:
    """Return everything by name; a number that is not finite is None, which a record can hold.

    Keys:
        rows: Every candidate within the budget, in order, with all its scores; `apart` is how far its
            predicted held-out loss is above that of the first, and `error` the standard error of that
            difference over the examples (None for the first); `twin`, whether one before it differs in the
            pull alone.
        first, cheapest, default: Names; the default is None where it is not among the rows.
        usual: Name of the default, and `why` it is not among the rows.
        start, chance: What the model does as it is, and the loss of guessing.
        curves: Of first and default: predicted loss by step, on training and on held-out examples.
        probes: Real steps beside predicted ones.
        considered, outside: How many candidates there were, and how many exceed the budget.
    """
    advice = done.advice
    there = done.default in advice.candidates
    return _finite(
        {
            "rows": _rows(done),
            "first": advice.first.name,
            "cheapest": advice.cheapest.name,
            "default": done.default.name if there else None,
            "usual": {"candidate": done.default.name, "why": None if there else _why(done)},
            "start": {"loss": done.start_loss, "error": done.start_error},
            "chance": done.chance,
            "shots": done.problem.shots,
            "examples": len(done.problem.examples),
            "tokens": advice.tokens,
            "curves": _curves(done),
            "probes": [_probe(probe) for probe in done.probes],
            "considered": len(done.problem.candidates),
            "outside": advice.outside,
            "budget": {
                "parameters": done.request.budget.parameters,
                "seconds": done.request.budget.seconds,
            },
            "seconds": {"look": advice.look.seconds, "look and forecasts": advice.seconds},
        }
    )


def _rows(done: Done) -> list[dict[str, Any]]:
    advice = done.advice
    own = advice.forecasts[advice.first.name].losses
    rows: list[dict[str, Any]] = []
    seen: set[Candidate] = set()
    for candidate, row in zip(advice.candidates, advice.rows.to_dict("records"), strict=True):
        forecast = advice.forecasts[candidate.name]
        apart, error = margin(forecast.losses, own)
        first = candidate == advice.first
        rows.append(
            {
                **{str(key): value for key, value in row.items()},
                "strength": settled(advice, candidate).strength,
                "apart": apart,
                "error": None if first else error,
                "at edge": forecast.at_edge,
                "twin": replace(candidate, pull=0.0) in seen,
            }
        )
        seen.add(replace(candidate, pull=0.0))
    return rows


def _why(done: Done) -> str:
    if done.default in done.problem.candidates:
        return "exceeds the budget"
    return "is left out by the options"


def _curves(done: Done) -> dict[str, Any]:
    chosen = dict.fromkeys([done.advice.first.name, done.default.name])
    forecasts = {name: done.advice.forecasts[name] for name in chosen if name in done.advice.forecasts}
    return {
        name: {
            "training": forecast.train_curve,
            "held-out": forecast.held_curve,
            "rates": forecast.rates,
            "held-out by rate": forecast.held_by_rate,
        }
        for name, forecast in forecasts.items()
    }


def _probe(probe: Probe) -> dict[str, Any]:
    return {
        "candidate": probe.candidate.name,
        "verdict": probe.verdict,
        "share": probe.share,
        "diverged": probe.diverged,
        "rate": probe.rate,
        "real": probe.real,
        "predicted": probe.predicted,
        "real end": probe.real_end,
        "predicted end": probe.predicted_end,
        "seconds": probe.seconds,
    }


def _finite(value: Any) -> Any:
    """Return plain values with None for what is not finite."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
