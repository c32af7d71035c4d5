"""What a sweep's names mean: models without weights, tasks, methods on models, tokens; all checked."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import torch

from lintune import tasks
from lintune.adapters.options import packed
from lintune.cli.finetuning.top import in_top
from lintune.cli.methods import method_of
from lintune.errors import FetchError, InputError
from lintune.methods import Method
from lintune.models.skeleton import Skeleton, skeleton
from lintune.prompted.encode import encode, label_tokens
from lintune.studies.cell_costs import Lengths, Sizes
from lintune.studies.cells import Effort
from lintune.tasks import Examples, Task
from pipeline.sweeps.file import Written, label, spelled


@dataclass(frozen=True, eq=False)
class Put:
    """A method put on a model.

    Attributes:
        label: What tables call the method.
        name: Its registered name.
        method: The method, its targets narrowed to the top blocks where that was asked for.
    """

    label: str
    name: str
    method: Method

    @property
    def given(self) -> dict[str, Any]:
        """Name and options, as a record holds them and `lintune.adapters.options.unpacked` takes them."""
        options, _ = packed(self.method)
        settable = {field.name for field in dataclasses.fields(self.method) if field.init}  # type: ignore[arg-type]
        return {"method": self.name, "options": {key: options[key] for key in options if key in settable}}


class Parts:
    """Everything a sweep names.

    Attributes:
        written: The sweep.
        effort: How its cells are trained.
        models: By name; None for one that is not on this machine and cannot be fetched.
        tasks: Likewise.
        refusals: What is wrong, a line each, by the key of the sweep's file.
        unknown: What could not be read, a line each.
    """

    def __init__(self, written: Written) -> None:
        """Read models' shapes and tasks."""
        self.written = written
        self.refusals: list[str] = []
        self.unknown: list[str] = []
        sweep = written.sweep
        validation = sweep.examples if sweep.validation_examples is None else sweep.validation_examples
        self.effort = Effort(
            sweep.examples,
            validation,
            sweep.test_examples,
            sweep.steps,
            sweep.batch,
            tuple(sweep.rates),
            sweep.finer,
            sweep.longest,
        )
        self.models = {name: self._read("models", name, self._model) for name in sweep.models}
        self.tasks = {name: self._read("tasks", name, tasks.load) for name in sweep.tasks}
        self._methods = {label(*each): each for each in written.methods}
        self._lengths: dict[tuple[str, str, int], Lengths] = {}

    @property
    def cells(self) -> Iterator[tuple[str, str, str, int]]:
        """Model, task, label of the method, and seed of every cell."""
        sweep = self.written.sweep
        yield from product(sweep.models, sweep.tasks, self._methods, sweep.seeds)

    @property
    def known(self) -> list[Skeleton]:
        """The models that are known."""
        return [found for found in self.models.values() if found is not None]

    @cached_property
    def put(self) -> dict[tuple[str, str], Put]:
        """The methods on the models that are known, by model and label."""
        found = {}
        for model, skeleton_of in self.models.items():
            for method in self._methods:
                try:
                    put = self._put(method, skeleton_of)
                except InputError as error:
                    where = "" if skeleton_of is None else f" on {model}"
                    self._refuse("methods", f"{method}{where}: {error}")
                else:
                    if skeleton_of is not None:
                        found[model, method] = put
        return found

    def sizes(self, model: str, method: str, task: str) -> Sizes | None:
        """Return what the cost grows with; None for a model that is not known."""
        found = self.models[model]
        return None if found is None else self.sizes_on(found, method, task)

    def sizes_on(self, found: Skeleton, method: str, task: str) -> Sizes:
        """Return what the cost grows with on a model, of two classes where the task is not known."""
        known, put = self.tasks[task], self.put.get((found.name, method)) or self._put(method, found)
        return Sizes.of(found.model, put.method, put.name, 2 if known is None else len(known.classes))

    def lengths(self, model: str, task: str, seed: int) -> Lengths | None:
        """Return the tokens of a draw, counted with the tokeniser; None where it or the task is not known.

        Raises:
            InputError: The task has too few examples, or its prompt does not suit the model.
        """
        known, skeleton_of = self.tasks[task], self.models[model]
        if known is None or skeleton_of is None:
            return None
        if (model, task, seed) not in self._lengths:
            drawn = self.effort.draw(known, seed)
            counted = (
                self._tokens(skeleton_of, known, part) for part in (drawn.train, drawn.validation, drawn.test)
            )
            self._lengths[model, task, seed] = Lengths(*counted)
        return self._lengths[model, task, seed]

    def check(self) -> None:
        """Look at every cell, so that `refusals` holds all that is wrong.

        Raises:
            InputError: Something is; the message holds every line.
        """
        for model, skeleton_of in self.models.items():
            if skeleton_of is not None:
                self._check_model(model, skeleton_of)
        for model, task in product(self.models, self.tasks):
            for seed in self.written.sweep.seeds:
                try:
                    self.lengths(model, task, seed)
                except InputError as error:
                    self._refuse(self._key(error), f"{task} with {model}: {error}")
                    break
        _ = self.put
        if self.refusals:
            raise InputError("\n".join(dict.fromkeys(self.refusals)))

    def _model(self, name: str) -> Skeleton:
        return skeleton(name, getattr(torch, self.written.sweep.dtype))

    def _check_model(self, name: str, found: Skeleton) -> None:
        if found.kind == "encoder":
            self._refuse("models", f"{name} has no language-modelling head: it cannot answer a prompt.")
        if found.longest is not None and self.effort.longest > found.longest:
            self._refuse(
                "longest", f"{self.effort.longest} is more than the {found.longest} positions of {name}."
            )

    def _put(self, method: str, found: Skeleton | None) -> Put:
        name, options = self._methods[method]
        made = method_of(name, {}, [f"{key}={spelled(value)}" for key, value in options.items()])
        depth = self.written.sweep.depth
        if found is not None and depth is not None:
            made = in_top(made, found.model, depth)
        if found is not None:
            made.sites(found.model)  # refuses a rank or a target that does not fit
        return Put(method, name, made)

    def _tokens(self, found: Skeleton, task: Task, examples: Examples) -> tuple[int, ...]:
        prompt = task.prompt_for(found.kind)
        label_tokens(found.tokenizer, prompt)
        masked = found.kind == "masked"
        return tuple(
            len(encode(found.tokenizer, prompt, fields, masked, self.effort.longest).ids)
            for fields in examples.fields
        )

    def _read(self, key: str, name: str, read: Any) -> Any:
        try:
            return read(name)
        except InputError as error:
            self._refuse(key, str(error))
        except FetchError as error:
            self.unknown.append(f"{key}: {name} is not on this machine: {str(error).splitlines()[0]}")
        return None

    def _refuse(self, key: str, why: str) -> None:
        self.refusals.append(f"{self.written.path}: {key}: {why}")

    def _key(self, error: InputError) -> str:
        """Return the key of the sweep's file that a refusal of a draw or of a prompt is about."""
        first = str(error).partition("=")[0]
        return {"shots": "examples"}.get(
            first, first if first in type(self.written.sweep).model_fields else "tasks"
        )
