"""One run beside its linear twin: what is measured at its checkpoints, and what the twin says before it."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from lintune.descent import Loss, Recipe, Vector, descend, difference, loss_for, norm
from lintune.errors import CorruptFileError, DivergedError
from lintune.finetune import Network
from lintune.finetune.twin import twin_of
from lintune.studies.departure.along import bend, nonlinear_share, over
from lintune.studies.departure.problem import Problem

Row = dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """When a run is looked at.

    Attributes:
        at: Steps at which outputs are compared: a forward pass each.
        whole: Those among them at which all is measured: some forward-mode passes and a Jacobian each.
        ends: Those among them for which the twin is asked what it foretells, at about the same cost.
    """

    at: Collection[int]
    whole: Collection[int]
    ends: Collection[int]


def run(problem: Problem, recipe: Recipe, checkpoints: Checkpoints) -> list[Row]:
    """Train the twin, then the network, and compare them at checkpoints.

    Args:
        problem: Where both start.
        recipe: How both are trained; the twin must not diverge by it.
        checkpoints: When to look.

    Returns:
        A row per checkpoint: `step`; `diverged`, whether the network had left the finite numbers by then,
        in which case what is measured of it is missing. Of the network: `train_gap` and `test_gap`,
        ||f - f_twin|| / ||f - f0||; `train_moved` and `test_moved`, ||f - f0||; `loss`; `drift`
        ||theta - theta_0|| and `relative_drift`, over ||theta_0||; where all is measured `train_share` and
        `test_share`, see `nonlinear_share`, `bend` of its own displacement, and `kernel_drift`
        ||K - K_0||_F / ||K_0||_F. Of the twin, known before the network is trained: `twin_loss` and
        `twin_moved`; at ends `twin_drift`, `twin_bend` of its displacement, and `twin_kernel_drift`, of the
        network's kernel at the parameters at which the twin ends.

    Raises:
        DivergedError: The loss of the twin left the finite numbers.
    """
    loss = loss_for(recipe.loss, problem.setup.split.train.labels, problem.setup.attached.prompted.classes)
    twins = _twins(problem, recipe, loss, checkpoints)
    network = Network(problem.setup.attached, problem.setup.train)
    rows: dict[int, Row] = {}
    with suppress(DivergedError, CorruptFileError):  # outputs that overflow are refused as a corrupt file's
        for step in descend(network, loss, recipe):
            if step.number not in checkpoints.at:
                continue
            values = {name: value.detach() for name, value in network.values.items()}
            row = _compared(problem, values, loss, twins[step.number])
            whole = step.number in checkpoints.whole
            rows[step.number] = row | (_turned(problem, values) if whole else {})
    return [
        {"step": number, "diverged": number not in rows, **rows.get(number, {}), **twins[number]["foretold"]}
        for number in sorted(checkpoints.at)
    ]


def _twins(
    problem: Problem, recipe: Recipe, loss: Loss, checkpoints: Checkpoints
) -> dict[int, dict[str, Any]]:
    """Return the twin's training and test outputs, and what it foretells, by step."""
    twin = twin_of(problem.setup, recipe, problem.kernels)
    found: dict[int, dict[str, Any]] = {}
    for step in descend(twin.world, loss, recipe):
        if step.number not in checkpoints.at:
            continue
        outputs = twin.train_outputs()
        foretold = {"twin_loss": _value(loss, outputs), "twin_moved": float((outputs - problem.start).norm())}
        if step.number in checkpoints.ends:
            foretold |= _foretold(problem, twin.displacement())
        found[step.number] = {"train": outputs, "test": twin.test_outputs(), "foretold": foretold}
    return found


def _foretold(problem: Problem, away: Vector) -> Row:
    """Return what the twin's displacement says, from two forward-mode passes and one Jacobian."""
    attached, train = problem.setup.attached, problem.setup.train
    point = {name: value + away[name] for name, value in attached.start.items()}
    return {
        "twin_drift": norm(away),
        "twin_bend": bend(attached, train, away),
        "twin_kernel_drift": problem.kernel_drift(point),
    }


def _compared(problem: Problem, values: Vector, loss: Loss, twin: Mapping[str, Any]) -> Row:
    """Return what outputs and parameters say at a checkpoint."""
    setup, away = problem.setup, difference(values, problem.setup.attached.start)
    row: Row = {"drift": norm(away), "relative_drift": norm(away) / norm(setup.attached.start)}
    for side, prepared, start in problem.sides:
        outputs = setup.attached.outputs_on(values, prepared).double().cpu()
        row[f"{side}_gap"] = over(outputs - twin[side], outputs - start)
        row[f"{side}_moved"] = float((outputs - start).norm())
        if side == "train":
            row["loss"] = _value(loss, outputs)
    return row


def _turned(problem: Problem, values: Vector) -> Row:
    """Return what needs derivatives at a checkpoint."""
    setup, away = problem.setup, difference(values, problem.setup.attached.start)
    shares = {
        f"{side}_share": nonlinear_share(setup.attached, prepared, values)
        for side, prepared, _ in problem.sides
    }
    return shares | {
        "kernel_drift": problem.kernel_drift(values),
        "bend": bend(setup.attached, setup.train, away),
    }


def _value(loss: Loss, outputs: torch.Tensor) -> float:
    return float(loss.value(outputs, torch.arange(loss.n)))
