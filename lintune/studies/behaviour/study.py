"""How a task is learnt from a prompt or from a fresh head: by kernels, by linearised models, by networks."""

from collections.abc import Iterator, Sequence

import pandas as pd
from tqdm.auto import tqdm

from lintune.errors import InputError
from lintune.finetune import Curvature
from lintune.methods import Weights
from lintune.methods.attached import Prepared
from lintune.models import Pretrained
from lintune.prompted import Classifier, PromptedModel, probed
from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.behaviour.plan import HEAD, PROMPT, Plan
from lintune.studies.behaviour.problem import KERNELS, SGD, Problem
from lintune.studies.behaviour.scoring import Row, Scorer, blind, travelled, turning
from lintune.studies.behaviour.training import Trained, linear, mean_loss, network, tuned
from lintune.tangents import top_layers
from lintune.tasks import Task


def behaviour(pretrained: Pretrained, task: Task, plan: Plan, seeds: Sequence[int]) -> pd.DataFrame:
    """Compare kernels, linearised models and networks on several draws of a task.

    Learning rates are chosen on the validation examples of the first draw, by the same number of trials
    for every way of training, and kept for the others.

    Args:
        pretrained: A causal or masked model.
        task: The task.
        plan: What is compared.
        seeds: Seeds of the draws, at least one.

    Returns:
        A row per way and draw: `function` (`prompt`, `fresh head`; None for ways that ask no model),
        `way` (`chance`, `majority`, `zero-shot`, `zero-shot, calibrated`, `linear probe`, `kernel`,
        `linearised`, `fine-tuned`), `optimiser`, `kernel`, `seed` (None for ways that see no draw), and
        `score` on the test examples by the task's metric; None for training that diverged at every rate.
        Where they make sense: `test_loss`; `train_loss`; `rate`; `diverged`, at how many of the rates that
        were tried; `drift`; `kernel_drift` ||K - K_0||_F / ||K_0||_F of K(SGD) by fine-tuning; `chi`, the
        mean norm of the output derivative before training over the training examples, and `chi_held_out`
        over the validation examples; and of kernels `carries <run>`: the correlation over test outputs of
        what a run did to them with what the kernel makes of what the run did to the training outputs.

    Raises:
        InputError: No seeds, too few examples, or a model without the blocks.
    """
    if not seeds:
        raise InputError("seeds=[] must hold at least one seed.")
    if len(set(seeds)) < len(seeds):
        raise InputError(f"seeds={list(seeds)} must be distinct.")
    # All draws before any work: a class may have too few examples.
    draws = [draw(task, plan.shots, seed, plan.test_examples, plan.validation_shots) for seed in seeds]
    rows = [{"function": None, "seed": None, **row} for row in blind(task, draws[0].test.labels)]
    for function in plan.optimisers:
        study = _Study(pretrained, task, plan, function)
        for each in tqdm(draws, desc=f"{task.name}, {function}", unit="draw", leave=False):
            rows += [{"function": function, "seed": each.seed, **row} for row in study.on(each)]
    return pd.DataFrame(rows)


class _Study:
    """One function on the draws of a task, with what carries over from one draw to the next."""

    def __init__(self, pretrained: Pretrained, task: Task, plan: Plan, function: str) -> None:
        self._pretrained = pretrained
        self._task = task
        self._plan = plan
        self._function = function
        self._optimisers = plan.optimisers[function]
        self._test: Prepared | None = None
        self._rates: dict[tuple[str, str], Sequence[float]] = {}

    def on(self, draw: Draw) -> Iterator[Row]:
        """Yield the rows of a draw."""
        kernels = KERNELS if set(self._optimisers) - {"sgd"} else (SGD,)
        problem = Problem.of(*self._start(draw), draw, kernels, self._test)
        self._test = problem.known
        scorer = Scorer(self._task, problem)
        yield scorer.start("zero-shot" if self._function == PROMPT else "linear probe")
        if self._function == PROMPT:
            yield scorer.calibrated()
        runs: dict[str, Trained] = {}
        curvature = turning(problem, self._plan.turned_shots)
        for optimiser in self._optimisers:
            yield from self._runs(optimiser, problem, scorer, draw.seed, curvature, runs)
        for kernel in kernels:
            yield scorer.regression(kernel, draw.seed, runs, fitted_start=self._function == HEAD)

    def _start(self, draw: Draw) -> tuple[Classifier, Weights]:
        """Return the function before training, and what of it is trained."""
        task, plan, model = self._task, self._plan, self._pretrained
        if self._function == PROMPT:
            prompted = PromptedModel(model, task.prompt_for(model.kind), plan.longest)
            return prompted, Weights(top_layers(model.model, plan.depth))
        top_layers(model.model, plan.depth)  # refuses a depth before the probe's pass over the examples
        headed = probed(model, draw.train, len(task.classes), longest=plan.longest, seed=draw.seed)
        # An encoder's layers have longer names under a head.
        return headed, Weights((*top_layers(headed.pretrained.model, plan.depth), "head"))

    def _runs(
        self,
        optimiser: str,
        problem: Problem,
        scorer: Scorer,
        seed: int,
        curvature: Curvature | None,
        runs: dict[str, Trained],
    ) -> Iterator[Row]:
        """Yield the rows of an optimiser's runs, and put the runs among the others."""
        plan = self._plan
        ways = {"fine-tuned": network} | ({"linearised": linear} if plan.linearised else {})
        for way, train in ways.items():
            rates = self._rates.get((way, optimiser), plan.effort.rates[optimiser])
            run = tuned(train, problem, optimiser, plan.effort, seed, rates, self._task.metric)
            if run is None:
                yield {"way": way, "optimiser": optimiser, "score": None}
                continue
            self._rates.setdefault((way, optimiser), (run.rate,))
            runs[f"{way}, {optimiser}"] = run
            more = travelled(run, problem, curvature) if way == "fine-tuned" else {}
            tried = {"optimiser": optimiser, "rate": run.rate, "diverged": run.diverged}
            yield scorer.outputs(
                way, run.outputs, train_loss=mean_loss(run.train, problem.labels), **tried, **more
            )
