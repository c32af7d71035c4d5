"""A fine-tuning run, and at every step what tells it from its linear twin."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
from tqdm.auto import tqdm

from lintune.descent import Recipe, Vector, descend, loss_for
from lintune.errors import InputError
from lintune.finetune import shares
from lintune.finetune.curvature import Curvature
from lintune.finetune.network import Network
from lintune.finetune.ruler import Ruler
from lintune.finetune.setup import Setup
from lintune.finetune.twin import twin_of
from lintune.kernels import TangentKernels


@dataclass(frozen=True)
class Trajectory:
    """What a run went through.

    Attributes:
        rows: One row per measured step: `step`; `loss` of the training set; `objective`, the loss with
            the penalties of the pull and of the method; `pulled`; `accuracy`; `test_loss`, the mean over
            the test examples, and `test_accuracy`; `drift` ||theta - theta_0||.
            With a twin: `twin_loss`, `twin_test_accuracy`, `twin_drift`; `gap`
            ||theta - theta_twin||; `train_gap` ||f - f_twin|| over the training examples; `test_gap`, the
            root mean square of f - f_twin over the test examples; `agreement`, the share of test
            examples that both classify alike. With curvature: see `lintune.finetune.curvature`.
        values: The trained parameters at the end, by `layer:name`.
        highest: The largest objective on the way, measured or not; with batches, as the batches saw it.
        farthest: The largest drift on the way.
    """

    rows: pd.DataFrame
    values: Vector
    highest: float
    farthest: float


def finetune(
    setup: Setup,
    recipe: Recipe,
    *,
    at: Collection[int] | None = None,
    twin: bool | TangentKernels = True,
    curvature: Curvature | None = None,
) -> Trajectory:
    """Fine-tune a prompted model with a method, beside its linearisation.

    The model is left as it is. Blocks under the lowest tuned one are run once for every example.

    Where torch.distributed has been initialised, processes share the examples of every step, of what is
    measured and of the kernels, and each returns all of it; all of them must be given the same.

    Args:
        setup: The function at the start, what is trained, training and test examples.
        recipe: How to train.
        at: Steps to measure at, from 0 to `recipe.steps`; the last one always is. None for all.
        twin: Whether to train the linear twin along; or the kernels for it, of contrasts of the logits,
            among the training and with the test examples.
        curvature: What measures how the tangents turn, a Jacobian for every measured step; None for not.

    Raises:
        InputError: All training examples are of one class, a step to measure at is never made, or model
            or examples are not the same on all processes; before training begins.
        DivergedError: The loss leaves the finite numbers; the message says where.
        LostError: Another process ended or did not answer (`lintune.kernels.ranks`).
    """
    labels, classes = setup.split.train.labels, setup.attached.prompted.classes
    if len(set(labels)) < 2:
        raise InputError(f"train holds the class {labels[0]} alone; training needs at least two classes.")
    wanted = set(range(recipe.steps + 1) if at is None else at) | {recipe.steps}
    if min(wanted) < 0 or max(wanted) > recipe.steps:
        raise InputError(f"at={sorted(wanted)} must be steps from 0 to {recipe.steps}.")
    shares.check_alike(setup.attached, setup.split.train, setup.split.test)
    network, loss = Network(setup.attached, setup.train), loss_for(recipe.loss, labels, classes)
    beside = None if twin is False else twin_of(setup, recipe, None if twin is True else twin)
    ruler = Ruler(setup, network, loss, recipe)
    total, penalty = recipe.steps + 1, setup.attached.penalty
    along = iter([None] * total) if beside is None else descend(beside.world, loss, recipe, penalty)
    steps = tqdm(
        descend(network, loss, recipe, penalty), total=total, desc="fine-tuning", unit="step", leave=False
    )
    rows, highest, farthest = [], 0.0, 0.0
    for step, _ in zip(steps, along, strict=True):
        drift = ruler.drift()
        highest = max(highest, step.loss + ruler.penalty(drift))
        farthest = max(farthest, drift)
        if step.number in wanted:
            row = ruler.measured(step, beside)
            rows.append(row if curvature is None else row | curvature.at(network.values))
    values = {name: value.detach() for name, value in network.values.items()}
    return Trajectory(pd.DataFrame(rows), values, highest, farthest)
