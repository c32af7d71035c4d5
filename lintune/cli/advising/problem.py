"""What advice is asked on: task, model, examples and candidates, loaded and checked before the capture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lintune import models, tasks
from lintune.advise import Candidate, Kind, candidates
from lintune.cli.advising.request import Request
from lintune.cli.devices import usable, weights_type
from lintune.errors import InputError
from lintune.prompted import PromptedModel
from lintune.tangents import blocks_of, lowest_of_top, tunable_layers
from lintune.tasks import Examples, Task


@dataclass(frozen=True, eq=False)
class Problem:
    """A task put to a model, and what could be trained.

    Attributes:
        task: The task.
        pretrained: The model.
        prompted: The function.
        shots: Examples of each class; fewer than asked for where a class has fewer.
        rarest: The class with the fewest training examples.
        examples: The examples that are looked at.
        test: Test examples, for whoever trains.
        candidates: What could be trained.
    """

    task: Task
    pretrained: models.Pretrained
    prompted: PromptedModel
    shots: int
    rarest: str
    examples: Examples
    test: Examples
    candidates: tuple[Candidate, ...]


def problem_of(request: Request) -> Problem:
    """Load and check: first what needs no model, then what needs no pass.

    Raises:
        InputError: Something in the request is wrong.
        FetchError: The task or the model cannot be fetched.
        CorruptFileError: Stored data are damaged.
    """
    device = usable(request.device)
    dtype = weights_type(request.dtype, device)
    task = tasks.load(request.task)
    shots, rarest = _shots(request, task)
    drawn = tasks.few_shot(task, shots, request.seed, min(request.test_examples, len(task.test)))
    pretrained = models.load(request.model, device, dtype, request.kind)
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), request.longest)
    found = _candidates(request, pretrained)
    for examples in (drawn.train, drawn.test):
        prompted.encode(examples)
    return Problem(task, pretrained, prompted, shots, rarest, drawn.train, drawn.test, found)


def _shots(request: Request, task: Task) -> tuple[int, str]:
    """Return how many examples of each class there are to look at, and the class with the fewest."""
    counts = np.bincount(task.train.labels, minlength=len(task.classes))
    place = int(counts.argmin())
    rarest, there = task.classes[place], int(counts[place])
    if there < 2:
        raise InputError(
            f"task={task.name!r}: class {rarest!r} has {there} training example{'s' * (there != 1)}; advice "
            "needs at least two of each class, one to learn from and one to test on."
        )
    return min(request.shots, there), rarest


def _candidates(request: Request, pretrained: models.Pretrained) -> tuple[Candidate, ...]:
    model = pretrained.model
    total = len(blocks_of(model))
    if not tunable_layers(model):
        raise InputError(f"model={request.model!r} has no linear layers in its {total} blocks to tune.")
    blocks = [(lowest_of_top(model, depth), total) for depth in request.depths]
    kinds: Sequence[Kind] = request.methods or ("lora", "ia3")  # type: ignore[assignment]  # checked before
    found = candidates(
        model,
        blocks=blocks or None,
        layers=None if request.layers is None else (request.layers,),
        ranks=request.ranks or (2, 8, 32),
        kinds=kinds,
    )
    there = {candidate.rank for candidate in found if candidate.kind == "lora"}
    for rank in request.ranks:
        if rank not in there:
            raise InputError(
                f"rank={rank} exceeds a side of some layer of every candidate; give a smaller one."
            )
    return found
