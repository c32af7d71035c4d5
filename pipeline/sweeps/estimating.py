"""From what a sweep names to its plan: sizes, tokens and laws come together."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from lintune.archives import cache_dir
from lintune.models import BUNDLED
from lintune.models.skeleton import skeleton
from lintune.studies.cell_costs import Lengths, Sizes
from pipeline.sweeps.basis import Basis, basis
from pipeline.sweeps.file import Written
from pipeline.sweeps.parts import Parts
from pipeline.sweeps.planning import Cell, Plan

# Where a model's weights begin, on the hub: one file, or the list of several.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def estimated(written: Written) -> Plan:
    """Return the plan of a sweep.

    Raises:
        InputError: Something in its file is wrong; every cell was looked at.
        FetchError: There is no measurement to plan by.
    """
    bundled = _bundled(written)
    parts = Parts(written)
    parts.check()
    rests = basis(written.sweep.device)
    assumed = _Assumed(parts)
    cells = tuple(_cell(parts, rests, assumed, *each) for each in parts.cells)
    return Plan(
        written.name,
        cells,
        written.sweep.threads,
        written.sweep.device,
        rests.said,
        rests.unit,
        tuple(parts.unknown),
        tuple(assumed.said),
        sum(rests.cell_bytes + len(str(cell.given)) for cell in cells),
        (*bundled, *_of_hub(parts)),
    )


class _Assumed:
    """What stands in for what is not known.

    Attributes:
        said: What was assumed, a line each.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._said: dict[str, None] = {}

    @property
    def said(self) -> list[str]:
        return list(self._said)

    def sizes(self, model: str, method: str, task: str) -> Sizes:
        """Return the sizes of the largest model that is known; of a bundled one where none is."""
        found = max(self._parts.known, key=lambda each: each.model.num_parameters(), default=None)
        found = found or skeleton(next(iter(BUNDLED)))
        self._say(f"models: {model} is taken to be as large as {found.name}.")
        return self._parts.sizes_on(found, method, task)

    def lengths(self, model: str, task: str, seed: int) -> Lengths:
        """Return the draw in the tokens of another model, or prompts that are as long as may be."""
        for other in self._parts.known:
            found = self._parts.lengths(other.name, task, seed)
            if found is not None:
                self._say(
                    f"tasks: tokens of {task} with {model} are counted with the tokeniser of {other.name}."
                )
                return found
        effort = self._parts.effort
        self._say(f"tasks: every prompt of {task} is taken to have {effort.longest} tokens, and two classes.")
        counts = (effort.examples, effort.validation_examples, effort.test_examples)
        return Lengths(*((effort.longest,) * count for count in counts))

    def _say(self, line: str) -> None:
        self._said[line] = None


def _cell(
    parts: Parts, rests: Basis, assumed: _Assumed, model: str, task: str, method: str, seed: int
) -> Cell:
    sizes, lengths = parts.sizes(model, method, task), parts.lengths(model, task, seed)
    unsure = sizes is None or lengths is None
    cost = rests.laws.estimate(
        sizes or assumed.sizes(model, method, task),
        lengths or assumed.lengths(model, task, seed),
        parts.effort,
        model,
    )
    return Cell(model, task, method, seed, _given(parts, model, task, method, seed), asdict(cost), unsure)


def _given(parts: Parts, model: str, task: str, method: str, seed: int) -> dict[str, Any] | None:
    put, sweep = parts.put.get((model, method)), parts.written.sweep
    if put is None:
        return None
    return {
        "model": model,
        "task": task,
        "label": method,
        **put.given,
        "seed": seed,
        "effort": asdict(parts.effort),
        "device": sweep.device,
        "dtype": sweep.dtype,
    }


def _bundled(written: Written) -> list[str]:
    """Return which bundled models are not in the cache yet; planning with them fetches them."""
    return [
        f"{name}, a bundled model ({BUNDLED[name].archive.package} {BUNDLED[name].archive.version})"
        for name in written.sweep.models
        if name in BUNDLED and not (cache_dir() / "models" / name).is_dir()
    ]


def _of_hub(parts: Parts) -> list[str]:
    """Return which models of the hub have no weights here yet, and about what these take."""
    return [
        f"{found.name}, about {found.stored_bytes / 1e9:.1f} GB"
        for found in parts.known
        if found.name not in BUNDLED
        and not Path(found.name).is_dir()
        and not any(isinstance(try_to_load_from_cache(found.name, name), str) for name in _WEIGHTS)
    ]
