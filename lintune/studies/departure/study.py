"""The dial: runs of LoRA over its scale, the learning rate and the number of steps, beside their twins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from lintune.descent import Recipe
from lintune.descent.losses import LossName
from lintune.descent.recipe import Optimiser
from lintune.errors import InputError
from lintune.methods import LoRA
from lintune.prompted import PromptedModel
from lintune.studies.departure.problem import problems
from lintune.studies.departure.run import Checkpoints, run
from lintune.studies.lora_coordinates import shortest
from lintune.tangents import top_layers
from lintune.tasks import FewShot, Task, few_shot

# A run's early checkpoint comes after this part of its steps.
EARLY = 8


@dataclass(frozen=True)
class Dial:
    """Which runs are made on every draw.

    Attributes:
        alphas: LoRA's scales, before they are divided by the rank.
        rates: Learning rates; for `sgd` over 1 / l_1, l_1 the largest eigenvalue of the kernel at the start,
            and below 2, from which on the twin itself diverges; for the other optimisers as they are.
        steps: Numbers of steps at which a run may end, all of one run; multiples of `EARLY`.
        rank: Of LoRA.
        depth: Of how many blocks, from the top, all linear layers have LoRA.
        optimiser: See `Recipe`.
        loss: See `Recipe`.
    """

    alphas: Sequence[float]
    rates: Sequence[float]
    steps: Sequence[int]
    rank: int = 8
    depth: int = 1
    optimiser: Optimiser = "sgd"
    loss: LossName = "squared"

    def __post_init__(self) -> None:
        """Refuse a dial that has no early checkpoints, or that the twin cannot follow."""
        for name in ("alphas", "rates", "steps"):
            values = list(getattr(self, name))
            if not values or len(set(values)) < len(values) or not all(0 < x < math.inf for x in values):
                raise InputError(f"{name}={values} must be distinct positive numbers, at least one.")
        if any(count % EARLY for count in self.steps):
            raise InputError(f"steps={list(self.steps)} must be multiples of {EARLY}.")
        if self.optimiser == "sgd" and max(self.rates) >= 2:
            raise InputError(f"rates={list(self.rates)} must be below 2, where the linear twin diverges.")

    def layers(self, model: PreTrainedModel) -> tuple[str, ...]:
        """Return the names of the layers that have LoRA."""
        return top_layers(model, self.depth)

    @property
    def checkpoints(self) -> Checkpoints:
        """Outputs are compared at doubling steps; ends and their early checkpoints are measured whole."""
        whole = {*self.steps, *(count // EARLY for count in self.steps)}
        doubling = {2**power for power in range(int(math.log2(max(self.steps))) + 1)}
        return Checkpoints(at=whole | doubling, whole=whole, ends=set(self.steps))


def short_texts(task: Task, per_class: int, test_per_class: int, seed: int, pool: int = 64) -> FewShot:
    """Return a draw of short texts: the shortest of each class among `pool`, and of the test examples.

    The test examples are the shortest among `4 * pool`, the same for every seed.

    Raises:
        InputError: A class has too few.
    """
    split = few_shot(task, pool, seed, 4 * pool)
    return FewShot(shortest(split.train, per_class), shortest(split.test, test_per_class))


def departures(prompted: PromptedModel, split: FewShot, dial: Dial, seed: int) -> pd.DataFrame:
    """Run every scale with every learning rate on one draw.

    Args:
        prompted: The function.
        split: Training and test examples of the draw.
        dial: Which runs.
        seed: Of LoRA's A.

    Returns:
        A row per run and checkpoint: `alpha`, `rate`, `learning_rate`, `start_loss`, and what
        `lintune.studies.departure.run.run` says.
    """
    layers = dial.layers(prompted.pretrained.model)
    methods = [LoRA(dial.rank, alpha, layers, seed=seed) for alpha in dial.alphas]
    rows = []
    with tqdm(total=len(methods) * len(dial.rates), desc="runs", leave=False) as bar:
        for alpha, problem in zip(dial.alphas, problems(prompted, split, methods), strict=True):
            unit = problem.largest if dial.optimiser == "sgd" else 1.0
            for rate in dial.rates:
                recipe = Recipe(rate / unit, max(dial.steps), loss=dial.loss, optimiser=dial.optimiser)
                which = {"alpha": alpha, "rate": rate, "learning_rate": recipe.learning_rate}
                which["start_loss"] = problem.start_loss(dial.loss)
                rows += [which | row for row in run(problem, recipe, dial.checkpoints)]
                bar.update()
    return pd.DataFrame(rows)
