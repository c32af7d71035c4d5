"""Measure the constituents of a sweep's cells on one model: `python -m benchmarks.cells_worker JOB`.

Prints one line of JSON. Everything is done with the functions that a cell calls, so that what is measured is
what is planned with.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Cost, measured
from lintune import models, tasks
from lintune.cli.finetuning.top import in_top
from lintune.cli.methods import method_of
from lintune.descent import Recipe, descend, loss_for
from lintune.finetune import Network, Setup
from lintune.finetune.twin import FeatureTwin
from lintune.kernels import contrasts, tangent_kernels
from lintune.prompted import PromptedModel
from lintune.studies.cell_costs import Piece, Sizes, work
from lintune.tasks import Examples, FewShot, Task

# A small rate: the run stays finite however many steps are timed.
_RATE = 1e-5
# The first two turns of a loop make the optimiser's state and warm up; what takes long is timed once.
_WARM, _TURNS, _LONG = 2, 3, 1.0


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        method: Registered name of the method.
        options: Its options, as `field=value`.
        depth: In how many blocks from the top.
        task: Whose texts.
        texts: Training examples; as many again are looked at beside them.
        longest: Prompts are cut to this many tokens.
    """

    method: str
    options: tuple[str, ...]
    depth: int
    task: str
    texts: int
    longest: int


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Attributes:
        model: The model.
        cases: What is measured with it.
        threads: Threads of torch.
        device: Where the model goes.
        started: When the process was started, by the clock of the day.
    """

    model: str
    cases: tuple[Case, ...]
    threads: int
    device: str
    started: float

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Read what `json.dumps(asdict(job))` wrote."""
        found = json.loads(text)
        cases = [Case(**{**case, "options": tuple(case["options"])}) for case in found["cases"]]
        return cls(**found | {"cases": tuple(cases)})


Point = dict[str, Any]


def work_on(job: Job) -> list[Point]:
    """Return a point for each constituent of each case."""
    torch.set_num_threads(job.threads)
    first = tasks.load(job.cases[0].task)
    pretrained = models.load(job.model, job.device)
    points = [_loading(job, PromptedModel(pretrained, first.prompt_for(pretrained.kind)), first)]
    known = {name: tasks.load(name) for name in dict.fromkeys(case.task for case in job.cases)}
    for case in job.cases:
        task = known[case.task]
        prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), case.longest)
        points += [{"case": asdict(case), **point} for point in Bench(prompted, task, case).points()]
    return points


class Bench:
    """One case, ready to be measured."""

    def __init__(self, prompted: PromptedModel, task: Task, case: Case) -> None:
        """Draw the examples and attach the method."""
        order = np.random.default_rng(0).permutation(len(task.train))
        places = sorted(order[: 2 * case.texts].tolist(), key=lambda place: int(task.train.labels[place]))
        train, others = task.train.take(places[::2]), task.train.take(places[1::2])
        model = prompted.pretrained.model
        method = in_top(method_of(case.method, {}, case.options), model, case.depth)
        self._prompted = prompted
        self._setup = Setup.of(prompted, method, FewShot(train, others))
        self._sizes = Sizes.of(model, method, case.method, len(task.classes))
        self._lengths = [len(prompt.ids) for prompt in self._setup.train.prompts]
        self._recipe = Recipe(_RATE, _WARM + _TURNS, loss="cross-entropy", optimiser="adam")

    def points(self) -> Iterator[Point]:
        """Yield a point per constituent."""
        setup, sizes, lengths = self._setup, self._sizes, self._lengths
        attached, train = setup.attached, setup.split.train
        both = [*lengths, *(len(prompt.ids) for prompt in setup.test.prompts)]
        if sizes.frozen:
            yield self._point(work.prefix(sizes, lengths), lambda: attached.prepare(train))
        yield self._point(
            work.forward(sizes, lengths), lambda: attached.outputs_on(attached.start, setup.train)
        )
        yield self._steps(train)
        yield self._point(work.kernel(sizes, both), self._kernel) | {
            "held": work.kernel_holding(sizes, sum(both))
        }
        yield from self._twin(train)

    def _steps(self, train: Examples) -> Point:
        setup, sizes = self._setup, self._sizes
        loss = loss_for("cross-entropy", train.labels, self._prompted.classes)
        steps = descend(Network(setup.attached, setup.train), loss, self._recipe, setup.attached.penalty)
        for _ in range(_WARM):
            next(steps)
        piece = work.step(sizes, self._lengths)
        return self._point(piece, lambda: next(steps), graph=sum(self._lengths), states=1)

    def _twin(self, train: Examples) -> Iterator[Point]:
        setup, sizes = self._setup, self._sizes
        loss = loss_for("cross-entropy", train.labels, self._prompted.classes)
        made: list[FeatureTwin] = []
        piece = work.derivatives(sizes, self._lengths)
        yield self._point(
            piece,
            lambda: made.append(FeatureTwin(setup)),
            turns=1,
            graph=max(self._lengths),
            stored=len(train),
        )
        steps = descend(made[0].world, loss, self._recipe, setup.attached.penalty)
        for _ in range(_WARM):
            next(steps)
        yield self._point(work.twin_step(sizes, len(train)), lambda: next(steps), states=1, stored=len(train))
        lengths = [len(prompt.ids) for prompt in setup.test.prompts]
        yield self._point(work.twin_pass(sizes, lengths), made[0].test_outputs)

    def _kernel(self) -> None:
        setup = self._setup
        tangent_kernels(
            self._prompted,
            setup.split.train,
            setup.split.test,
            methods={"it": setup.attached.method},
            outputs=contrasts(self._prompted.classes),
            by_layer=False,
            prepared=(setup.train, setup.test),
        )

    def _point(self, piece: Piece, call: Callable[[], object], turns: int = _TURNS, **holds: int) -> Point:
        costs: list[Cost] = []
        while len(costs) < turns and sum(cost.wall for cost in costs) < _LONG:
            costs.append(measured(call, self._prompted.device)[1])
        held = work.holding(self._sizes, **holds) if holds else None
        return _said(piece, self._sizes.kind, costs) | {"held": held}


def _loading(job: Job, prompted: PromptedModel, task: Task) -> Point:
    model = prompted.pretrained.model
    sizes = Sizes.of(model, method_of("norms", {}), "norms", len(task.classes))
    wall = time.time() - job.started
    used = time.process_time()
    peak = measured(lambda: None, prompted.device)[1].peak
    return _said(work.load(sizes), "", [Cost(wall, used, peak, None, None)]) | {"held": None}


def _said(piece: Piece, kind: str, costs: list[Cost]) -> Point:
    wall, cpu = (median(getattr(each, clock) for each in costs) / piece.times for clock in ("wall", "cpu"))
    cost = replace(costs[-1], wall=wall, cpu=cpu)
    return {"constituent": piece.constituent, "terms": piece.terms, "kind": kind, **asdict(cost)}


if __name__ == "__main__":
    print(json.dumps(work_on(Job.from_json(sys.argv[1]))))
