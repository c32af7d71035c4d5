"""What is fine-tuned: task, model, method and examples, loaded and checked before the first step."""

from dataclasses import dataclass

from lintune import models, tasks
from lintune.adapters import check_peft
from lintune.cli.devices import usable, weights_type
from lintune.cli.finetuning.request import Request
from lintune.cli.finetuning.top import in_top
from lintune.cli.methods import method_of
from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.finetune import shares
from lintune.methods import Method, count_parameters
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.studies.behaviour import draw
from lintune.tasks import Examples, Task


@dataclass(frozen=True, eq=False)
class Part:
    """Examples, ready to be run.

    Attributes:
        examples: The n examples.
        prepared: The same, with what the frozen blocks make of them.
    """

    examples: Examples
    prepared: Prepared


@dataclass(frozen=True, eq=False)
class Problem:
    """A method attached to a model, with examples of a task.

    Attributes:
        task: The task.
        pretrained: The model.
        method: The method, its targets narrowed to the top blocks where that was asked for.
        attached: Both together.
        train: Training examples.
        validation: Examples to choose a learning rate by; None where one was given.
        test: Test examples.
        trained: How many numbers are trained.
        total: How many the model has.
    """

    task: Task
    pretrained: models.Pretrained
    method: Method
    attached: Attached
    train: Part
    validation: Part | None
    test: Part
    trained: int
    total: int


def problem_of(request: Request) -> Problem:
    """Load and check: first what needs no model, then what needs no pass.

    Raises:
        InputError: Something in the request is wrong.
        FetchError: The task or the model cannot be fetched.
        CorruptFileError: Stored data are damaged.
    """
    method = method_of(request.method, request.options, request.extra)
    if request.peft:
        check_peft(method)
    recipe_of(request, 1.0 if request.learning_rate is None else request.learning_rate)
    device = usable(request.device)
    dtype = weights_type(request.dtype, device)
    task = tasks.load(request.task)
    train, validation, test = _examples(request, task)
    pretrained = models.load(request.model, device, dtype, request.kind)
    if request.depth is not None:
        method = in_top(method, pretrained.model, request.depth)
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), request.longest)
    attached = Attached(prompted, method)
    if request.merged:
        _check_mergeable(method, pretrained)
    drawn = [examples for examples in (train, validation, test) if examples is not None]
    for examples in drawn:
        prompted.encode(examples)
    shares.check_alike(attached, *drawn)
    return Problem(
        task,
        pretrained,
        method,
        attached,
        _part(attached, train),
        None if validation is None else _part(attached, validation),
        _part(attached, test),
        count_parameters(method, pretrained.model),
        sum(parameter.numel() for parameter in pretrained.model.parameters()),
    )


def recipe_of(request: Request, rate: float) -> Recipe:
    """Return how to train with a learning rate."""
    return Recipe(
        rate,
        request.steps,
        loss="cross-entropy",
        optimiser=request.optimizer,
        strength=request.strength,
        batch=request.batch,
        seed=request.seed,
    )


def _examples(request: Request, task: Task) -> tuple[Examples, Examples | None, Examples]:
    if len(task.classes) < 2:
        raise InputError(f"task={task.name!r} has one class; training needs at least two.")
    test_examples = min(request.test_examples, len(task.test))
    if request.learning_rate is not None:
        split = tasks.few_shot(task, request.shots, request.seed, test_examples)
        return split.train, None, split.test
    drawn = draw(task, request.shots, request.seed, test_examples, request.validation_shots)
    return drawn.train, drawn.validation, drawn.test


def _check_mergeable(method: Method, pretrained: models.Pretrained) -> None:
    """Let a method that no weight can hold say so before it is trained."""
    site = next(iter(method.sites(pretrained.model).values()))
    method.merged(site, method.start(site))


def _part(attached: Attached, examples: Examples) -> Part:
    return Part(examples, shares.prepare(attached, examples))
