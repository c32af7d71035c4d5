"""Real training with matrix pattern constraints: what they make of the factors, the twin and the accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from lintune.descent import Loss, Recipe, Vector, descend, loss_for
from lintune.finetune import Network, Setup
from lintune.finetune.twin import twin_of
from lintune.kernels import flat
from lintune.linearized.features import gram, jacobian
from lintune.methods import FLoRA, LoRA, TriLoRA
from lintune.methods.patterns import Pattern

Factored = TypeVar("Factored", LoRA, TriLoRA, FLoRA)


def orthogonality(values: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Return how far factors are from orthonormal ones, over all layers.

    Args:
        values: `B` and `A` by `layer:name`, as a method with factors trains them.

    Returns:
        Root mean squares over layers: `a` of ||A A^T - I||_F / sqrt(r) and `b` of ||B^T B - I||_F / sqrt(r);
        `a_crossed` and `b_crossed`, the same of the off-diagonal part alone; `b_norm` of ||B||_F / sqrt(r).
    """
    found: dict[str, list[float]] = {"a": [], "b": [], "a_crossed": [], "b_crossed": [], "b_norm": []}
    for name, value in values.items():
        short = name.rpartition(":")[2]
        if short not in ("A", "B"):
            continue
        factor = value.detach().double()
        inner = factor @ factor.T if short == "A" else factor.T @ factor
        one, key = torch.eye(len(inner), dtype=inner.dtype, device=inner.device), short.lower()
        found[key].append(float((inner - one).square().sum()) / len(inner))
        found[f"{key}_crossed"].append(float((inner - one * inner).square().sum()) / len(inner))
        if short == "B":
            found["b_norm"].append(float(inner.trace()) / len(inner))
    return {name: float(np.sqrt(np.mean(each))) for name, each in found.items()}


def rate(setup: Setup, pace: float) -> float:
    """Return `pace` over the largest eigenvalue of the method's kernel at the start: a learning rate."""
    kernel = flat(gram(jacobian(setup.attached, setup.train)).numpy())
    return pace / float(np.linalg.eigvalsh(kernel)[-1])


def variants(base: Factored, patterns: Sequence[Pattern | None], weight: float) -> dict[str, Factored]:
    """Return a method without and with the penalties, by a name for tables; all start at the same values."""
    return {
        base.name if pattern is None else f"{base.name}, MPC_{pattern}": replace(
            base, mpc=pattern, mpc_weight=weight
        )
        for pattern in patterns
    }


def run(setup: Setup, recipe: Recipe, name: str) -> dict[str, Any]:
    """Train a method beside its linear twin, and look at its factors at every step.

    Args:
        setup: The method attached, training and test examples.
        recipe: How to train both.
        name: For the tables.

    Returns:
        `name`; `first`, the singular values of every B after the first step; by step: `factors`, a list (see
        `orthogonality`), `loss`, `moved` ||f - f_0|| over the training examples and `gap` ||f - f_twin||; at
        the end `test_accuracy`, `twin_test_accuracy`, and `kernel`, the trace of the kernel of the training
        examples over that at the start.
    """
    attached, labels = setup.attached, setup.split.train.labels
    loss = loss_for(recipe.loss, labels, attached.prompted.classes)
    network, twin = Network(attached, setup.train), twin_of(setup, recipe)
    real = descend(network, loss, recipe, attached.penalty)
    linear = descend(twin.world, loss, recipe, attached.penalty)
    found: dict[str, Any] = {"name": name, "factors": [], "loss": [], "moved": [], "gap": []}
    start: torch.Tensor | None = None
    for step, other in zip(real, linear, strict=True):
        outputs = step.outputs.double().cpu()
        start = outputs if start is None else start
        if step.number == 1:
            found["first"] = up_values(network.values)
        found["factors"].append(orthogonality(network.values))
        found["loss"].append(step.loss)
        found["moved"].append(float((outputs - start).norm()))
        found["gap"].append(float((outputs - other.outputs.double().cpu()).norm()))
    test = setup.split.test.labels
    found["test_accuracy"] = _accuracy(network.outputs_on(setup.test), loss, test)
    found["twin_test_accuracy"] = _accuracy(twin.test_outputs(), loss, test)
    return found | {"kernel": kernel_trace(setup, network.values) / kernel_trace(setup, attached.start)}


def verdict(plain: float, penalised: float, louder: float) -> str:
    """Say how much of what a penalty does to the training loss a larger alpha does, too.

    Args:
        plain: The loss in the end without a penalty.
        penalised: With it.
        louder: Without it and with the larger alpha.

    Returns:
        `no gain` where the penalty does not lower the loss; `a larger step` where the larger alpha alone
        lowers it at least half as much; else `more than that`.
    """
    if penalised >= plain:
        return "no gain"
    return "a larger step" if plain - louder >= 0.5 * (plain - penalised) else "more than that"


def up_values(values: Mapping[str, torch.Tensor]) -> list[float]:
    """Return the singular values of the factors B of all layers, those of a layer side by side."""
    factors = [value.detach().double() for name, value in values.items() if name.endswith(":B")]
    return [float(value) for factor in factors for value in torch.linalg.svdvals(factor)]


def kernel_trace(setup: Setup, values: Vector) -> float:
    """Return the trace of the kernel of the training examples at some values."""
    fixed = {name: value.detach() for name, value in values.items()}
    return float(np.trace(flat(gram(jacobian(setup.attached, setup.train, fixed)).numpy())))


def summary(runs: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per run: the factors and the losses at the end, the gap over the way moved, accuracies."""
    rows = []
    for each in runs:
        last = each["factors"][-1]
        rows.append(
            {
                "method": each["name"],
                "A from orthonormal": last["a"],
                "B from orthonormal": last["b"],
                "B off the diagonal": last["b_crossed"],
                "size of B": last["b_norm"],
                "kernel's trace": each["kernel"],
                "training loss": each["loss"][-1],
                "gap to the twin": each["gap"][-1] / each["moved"][-1] if each["moved"][-1] else float("nan"),
                "test accuracy": each["test_accuracy"],
                "of the twin": each["twin_test_accuracy"],
            }
        )
    return pd.DataFrame(rows)


def _accuracy(outputs: torch.Tensor, loss: Loss, labels: np.ndarray) -> float:
    classes = (outputs.double().cpu() @ loss.basis.T).argmax(1).numpy()
    return float((classes == labels).mean())
