"""What a step of training costs: time, and memory beyond the model."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from lintune.descent import Recipe, Step, descend, loss_for
from lintune.errors import InputError
from lintune.finetune import Network, Setup
from lintune.methods import Method

# The first two turns of the loop make the optimiser's state and warm up.
_WARM = 2
_STEPS = "steps"


def seconds_per_step(
    setup: Setup, methods: Mapping[str, Method], recipe: Recipe, rounds: int
) -> dict[str, float]:
    """Return the median seconds of a step by name, measured in turns.

    Every round times one step of each method, on the same batch, beginning with another method each time:
    what else the machine does meanwhile hits all alike. Two rounds before are not counted. The number of
    threads is torch's.

    Args:
        setup: Examples, prepared.
        methods: Methods by name.
        recipe: Learning rate, batch and optimiser.
        rounds: How many steps of each are timed, at least 1.

    Raises:
        InputError: No rounds.
    """
    if rounds < 1:
        raise InputError(f"rounds={rounds} must be at least 1.")
    recipe = replace(recipe, steps=_WARM + rounds)
    runs = {name: _steps(setup.with_method(method), recipe) for name, method in methods.items()}
    found: dict[str, list[float]] = {name: [] for name in methods}
    names, device = list(methods), setup.attached.prompted.device
    for number in range(_WARM + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(_timed(partial(next, runs[name]), device))
    return {name: float(np.median(each[_WARM:])) for name, each in found.items()}


def peak_bytes(setup: Setup, method: Method, recipe: Recipe) -> int:
    """Return the most bytes that two steps of training hold at a time beyond model and examples.

    They hold the trained values, the method's frozen parts, the optimiser's state (made by the first step),
    gradients and what the backward pass needs; a second copy of the values at the start, which this library
    keeps, is not counted. On the CPU the allocator's events are added up in their order; on a GPU the
    allocator counts. Neither depends on time.

    Args:
        setup: Examples, prepared.
        method: The method, attached anew.
        recipe: Batch and optimiser.
    """
    alone = replace(method)  # type: ignore[type-var]  # what it remembers of layers is counted, too
    measure = _peak_on_gpu if setup.attached.prompted.device.type == "cuda" else _peak_on_cpu

    def prepared() -> tuple[Setup, Iterator[Step]]:
        mine = setup.with_method(alone)
        return mine, _steps(mine, replace(recipe, steps=2))

    peak, mine = measure(prepared)
    return peak - sum(value.nbytes for value in mine.attached.start.values())


def _peak_on_cpu(prepared: Callable[[], tuple[Setup, Iterator[Step]]]) -> tuple[int, Setup]:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        setup, steps = prepared()
        with record_function(_STEPS):
            for _ in steps:
                pass
    events = list(found.profiler.kineto_results.events())
    start = next(event.start_ns() for event in events if event.name() == _STEPS)
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    held = np.cumsum([size for _, size in changes])
    during = [held[place] for place, (moment, _) in enumerate(changes) if moment >= start]
    return int(max(during, default=0)), setup


def _peak_on_gpu(prepared: Callable[[], tuple[Setup, Iterator[Step]]]) -> tuple[int, Setup]:
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    setup, steps = prepared()
    torch.cuda.reset_peak_memory_stats()
    for _ in steps:
        pass
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before, setup


def _steps(setup: Setup, recipe: Recipe) -> Iterator[Step]:
    network = Network(setup.attached, setup.train)
    loss = loss_for(recipe.loss, setup.split.train.labels, setup.attached.prompted.classes)
    return descend(network, loss, recipe, setup.attached.penalty)


def _timed(step: Callable[[], Any], device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    step()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
