"""The work of `lintune diagnose`: check, run the study, and judge."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lintune import models, tasks
from lintune.cli.devices import usable, weights_type
from lintune.cli.diagnosis.answers import Answer, answers
from lintune.cli.diagnosis.cautions import cautions
from lintune.cli.diagnosis.request import Request, Setting
from lintune.errors import InputError
from lintune.prompted import PromptedModel
from lintune.studies.behaviour import PROMPT, Draw, Effort, Plan, behaviour, draw, verdicts
from lintune.tangents import top_layers


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found.

    Attributes:
        request: What was asked for.
        setting: What it came to on this task and model.
        rows: A row per way and draw (`lintune.studies.behaviour.behaviour`).
    """

    request: Request
    setting: Setting
    rows: pd.DataFrame

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """A row per function and optimiser (`lintune.studies.behaviour.verdicts`)."""
        return verdicts(self.rows)

    @property
    def answers(self) -> list[Answer]:
        """The three questions, answered."""
        return answers(self.rows, self.verdicts, len(self.request.seeds))

    @property
    def cautions(self) -> list[str]:
        """What a reader should know before believing the answers."""
        return cautions(self.rows, self.verdicts, self.request, self.setting)


def diagnose(request: Request) -> Diagnosis:
    """Run the study, checking first what can be checked without the model, then without a pass.

    Raises:
        InputError: Something in the request is wrong.
        FetchError: The task or the model cannot be fetched.
        CorruptFileError: Stored data are damaged.
    """
    device = usable(request.device)
    dtype = weights_type(request.dtype, device)
    task = tasks.load(request.task)
    plan = _plan(request, task)
    _check_classes(request, task)
    draws = [draw(task, plan.shots, seed, plan.test_examples) for seed in request.seeds]
    pretrained = models.load(request.model, device, dtype, request.kind)
    _check_model(pretrained, task, plan, draws)
    setting = _setting(task, pretrained, plan, draws[0])
    return Diagnosis(request, setting, behaviour(pretrained, task, plan, request.seeds))


def _plan(request: Request, task: tasks.Task) -> Plan:
    return Plan(
        request.functions,
        depth=request.depth,
        shots=request.shots,
        test_examples=min(request.test_examples, len(task.test)),
        effort=Effort(request.steps, request.batch),
        longest=request.longest,
    )


def _at_hand(task: tasks.Task) -> tuple[int, ...]:
    return tuple(np.bincount(task.train.labels, minlength=len(task.classes)).tolist())


def _check_classes(request: Request, task: tasks.Task) -> None:
    """Refuse a class that cannot give both training and validation examples."""
    for name, there in zip(task.classes, _at_hand(task), strict=True):
        if there < 2 * request.shots:
            raise InputError(
                f"shots={request.shots} takes {2 * request.shots} examples of each class, as many to choose "
                f"learning rates by as to train on; class {name!r} of {task.name} has {there} training "
                f"examples, enough for shots={there // 2}."
            )


def _check_model(pretrained: models.Pretrained, task: tasks.Task, plan: Plan, draws: list[Draw]) -> None:
    """Refuse a model with too few blocks, and one that cannot answer the prompt on these examples."""
    top_layers(pretrained.model, plan.depth)
    if PROMPT not in plan.optimisers:
        return
    if pretrained.kind == "encoder":
        raise InputError(
            f"model={pretrained.name!r} has no language-modelling head and cannot answer a prompt; "
            "--no-prompt studies it with a fresh head alone."
        )
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), plan.longest)
    for examples in [draws[0].test, *(part for each in draws for part in (each.train, each.validation))]:
        prompted.encode(examples)


def _setting(task: tasks.Task, pretrained: models.Pretrained, plan: Plan, first: Draw) -> Setting:
    prompt = task.prompt_for(pretrained.kind) if PROMPT in plan.optimisers else None
    used = dict.fromkeys(optimiser for each in plan.optimisers.values() for optimiser in each)
    return Setting(
        task=task.name,
        title=task.title,
        metric=task.metric,
        classes=task.classes,
        template=prompt.template if prompt else None,
        words=prompt.words if prompt else None,
        rates={optimiser: tuple(plan.effort.rates[optimiser]) for optimiser in used},
        at_hand=_at_hand(task),
        tested=tuple(np.bincount(first.test.labels, minlength=len(task.classes)).tolist()),
        weights=pretrained.weights,
        data=task.source.sha256,
    )
