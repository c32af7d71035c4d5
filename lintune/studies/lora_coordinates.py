"""LoRA in its factors and in its product: what each linearisation says of a run, and what real LoRA does."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from lintune.descent import Recipe, Squared, Vector, World, descend, difference, norm
from lintune.errors import DivergedError, InputError
from lintune.finetune import Network
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.linearized import Dual, ProductPrimal, StoredTangent, jacobian
from lintune.linearized.features import gram
from lintune.methods import LoRA, Weights
from lintune.methods.attached import Attached, Prepared
from lintune.methods.shapes import matrix_shape
from lintune.prompted import PromptedModel
from lintune.studies.proximal import Held
from lintune.tasks import Examples

# Whether A moves, and whether the network is its first-order expansion in the weights.
WAYS = {
    "lora": "LoRA",
    "product": "linear in the product",
    "held": "LoRA, A held",
    "factors": "linear in (A, B)",
}


def shortest(examples: Examples, per_class: int) -> Examples:
    """Return the shortest texts of each class, by characters of all fields, in the order of the classes.

    Raises:
        InputError: A class has too few.
    """
    sizes = np.array([sum(map(len, fields.values())) for fields in examples.fields])
    chosen: list[int] = []
    for label in np.unique(examples.labels):
        here = np.flatnonzero(examples.labels == label)
        if len(here) < per_class:
            raise InputError(f"per_class={per_class} exceeds the {len(here)} examples of class {label}.")
        chosen += here[np.argsort(sizes[here], kind="stable")][:per_class].tolist()
    return examples.take(chosen)


def projection_errors(
    prompted: PromptedModel,
    examples: Examples,
    targets: Sequence[str],
    ranks: Sequence[int],
    seeds: Sequence[int],
) -> pd.DataFrame:
    """Compare LoRA's kernel at B = 0 with the kernel of the weights that it projects.

    A layer's A is drawn with E A^T A = r / (3 d) I, so its block is divided by s^2 r / (3 d): the mean over
    draws is then the block of the weights.

    Returns:
        A row per rank and seed of A: `rank`, `seed`, `error`, the Frobenius norm of the difference over
        that of the kernel of the weights, and `shape`, the same with the best common factor.
    """
    drawn = {
        (rank, seed): LoRA(rank, rank, list(targets), seed=seed) for rank in ranks for seed in seeds
    }  # alpha = r: a scale of 1
    methods = {f"{rank} {seed}": method for (rank, seed), method in drawn.items()}
    captured = tangent_kernels(
        prompted,
        examples,
        methods={"weights": Weights(list(targets)), **methods},
        outputs=contrasts(prompted.classes),
    ).train
    whole = flat(captured["weights"].total())
    sites = Weights(list(targets)).sites(prompted.pretrained.model)
    rows = []
    for rank, seed in drawn:
        found = captured[f"{rank} {seed}"]
        scales = [3 * matrix_shape(sites[layer])[1] / rank for layer in found.layers]
        estimate = flat(np.tensordot(np.array(scales), found.blocks, 1))
        error = np.linalg.norm(estimate - whole) / np.linalg.norm(whole)
        cosine = (estimate * whole).sum() / np.linalg.norm(estimate) / np.linalg.norm(whole)
        shape = float(np.sqrt(max(1 - cosine**2, 0.0)))
        rows.append({"rank": rank, "seed": seed, "error": float(error), "shape": shape})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Problem:
    """A problem for LoRA, ready to be run in all ways from the same start.

    Attributes:
        attached: LoRA on a model.
        prepared: The training examples.
        labels: `(n,)` their classes.
        features: Derivatives of their outputs at the start.
        kernel: `(N, N)` tangent kernel at the start, flat, float64.
        outputs: `(n, C - 1)` outputs at the start, float64.
        weights: What the Jacobian for the weights that LoRA changes does; None where it is not needed.
    """

    attached: Attached
    prepared: Prepared
    labels: np.ndarray
    features: Vector
    kernel: np.ndarray
    outputs: torch.Tensor
    weights: StoredTangent | None = None

    @property
    def largest(self) -> float:
        """Largest eigenvalue of the kernel."""
        return float(np.linalg.eigvalsh(self.kernel)[-1])

    def recipe(self, relative: float, pace: float, steps: int) -> Recipe:
        """Return gradient descent.

        Args:
            relative: Pull over the largest eigenvalue l of the kernel at the start.
            pace: Step over 1 / (l + pull), half the longest step of the linear model.
            steps: Number of steps.
        """
        strength = relative * self.largest
        return Recipe(learning_rate=pace / (self.largest + strength), steps=steps, strength=strength)

    def world(self, way: str) -> World:
        """Return one of `WAYS`, at its start."""
        if way == "lora":
            return Network(self.attached, self.prepared)
        if way == "held":
            return Held(Network(self.attached, self.prepared), "*:A")
        if way == "product":
            return ProductPrimal(self.attached, self.prepared, self.weights)
        n, k = self.outputs.shape
        return Dual(self.kernel.reshape(n, k, n, k), self.outputs.numpy())

    def loss(self) -> Squared:
        """Return the loss."""
        return Squared(self.labels, self.attached.prompted.classes)


def setup(
    prompted: PromptedModel,
    examples: Examples,
    method: LoRA | Weights,
    weights: StoredTangent | None = None,
) -> Problem:
    """Attach a method and differentiate at the start."""
    attached = Attached(prompted, method)
    prepared = attached.prepare(examples)
    features = jacobian(attached, prepared)
    with torch.no_grad():
        outputs = attached.outputs(attached.start, prepared).double().cpu()
    kernel = flat(gram(features).numpy())
    return Problem(attached, prepared, np.array(examples.labels), features, kernel, outputs, weights)


def stored_tangent(prompted: PromptedModel, examples: Examples, targets: Sequence[str]) -> StoredTangent:
    """Return the Jacobian for weight matrices, stored: the same for every LoRA on them.

    Raises:
        InputError: It would not fit in memory.
    """
    problem = setup(prompted, examples, Weights(list(targets)))
    return StoredTangent(problem.features, problem.outputs)


def run(problem: Problem, way: str, recipe: Recipe) -> tuple[list[np.ndarray], World]:
    """Train one way.

    Returns:
        Outputs `(n, C - 1)` of every step, fewer where the loss leaves the finite numbers; and what was
        trained, as it ended.
    """
    world, outputs = problem.world(way), []
    with contextlib.suppress(DivergedError):
        for step in descend(world, problem.loss(), recipe):
            outputs.append(step.outputs.double().cpu().numpy().copy())
    return outputs, world


def race(
    problem: Problem, recipe: Recipe, known: Mapping[str, list[np.ndarray]] | None = None
) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """Train LoRA and its three relatives by the same recipe, and say how far they part.

    Args:
        problem: LoRA and training examples.
        recipe: How to train; LoRA itself must not diverge by it.
        known: Outputs of ways that need not be run; those with A held are the same for every alpha where
            pull and step keep their proportion to the kernel.

    Returns:
        What was found: `alpha`, `seed`; `loss` `(steps + 1,)` by way; `moved` `(steps + 1,)`, the distance of
        LoRA's training outputs from their start; `gap` `(steps + 1,)` by other way, the distance of
        LoRA's outputs from its outputs; of LoRA in the end, `kernel` (see `turned`) and `expansion`, the
        distance of its outputs from each expansion at the same parameters, over `moved`.
        And the outputs by way.

    Raises:
        DivergedError: The loss of LoRA left the finite numbers.
    """
    method = problem.attached.method
    assert isinstance(method, LoRA)
    others, known = [way for way in WAYS if way != "lora"], known or {}
    outputs = {way: known[way] if way in known else run(problem, way, recipe)[0] for way in others}
    outputs["lora"], network = run(problem, "lora", recipe)
    if len(outputs["lora"]) <= recipe.steps:
        raise DivergedError(f"LoRA's loss is not finite after {len(outputs['lora'])} steps of {recipe}.")
    real = np.array(outputs["lora"])
    moved = np.linalg.norm(real - real[0], axis=(1, 2))
    found = {
        "alpha": method.alpha,
        "seed": method.seed,
        "loss": {way: losses(problem, each) for way, each in outputs.items()},
        "moved": moved,
        "gap": {
            way: np.linalg.norm(real[: len(outputs[way])] - np.array(outputs[way]), axis=(1, 2))
            for way in others
        },
        "kernel": turned(problem, network.values),
        "expansion": {
            way: float(np.linalg.norm(real[-1] - each) / moved[-1])
            for way, each in expansions(problem, network.values).items()
        },
    }
    return found, outputs


def losses(problem: Problem, outputs: Sequence[np.ndarray]) -> list[float]:
    """Return the training loss at each step."""
    loss = problem.loss()
    return [float(loss.value(torch.as_tensor(each), torch.arange(loss.n))) for each in outputs]


def turned(problem: Problem, values: Vector) -> dict[str, float]:
    """Say what became of LoRA's kernel at a point.

    Returns:
        `drift` ||K - K_0|| / ||K_0||; `a_half` and `b_half`, the traces of the kernels of A and of B over
        that of K_0; `a_moved` and `b_moved`, the norms of the changes of A and B.
    """
    there = jacobian(problem.attached, problem.prepared, values)
    away = difference(values, problem.attached.start)
    found, total = {}, np.zeros_like(problem.kernel)
    for half in ("A", "B"):
        kernel = flat(gram({name: part for name, part in there.items() if name.endswith(f":{half}")}).numpy())
        total += kernel
        found[f"{half.lower()}_half"] = float(np.trace(kernel) / np.trace(problem.kernel))
        moved = {name: part for name, part in away.items() if name.endswith(f":{half}")}
        found[f"{half.lower()}_moved"] = norm(moved)
    drift = np.linalg.norm(total - problem.kernel) / np.linalg.norm(problem.kernel)
    return {"drift": float(drift), **found}


def expansions(problem: Problem, values: Vector) -> dict[str, np.ndarray]:
    """Return the outputs `(n, C - 1)` of both first-order models at the same A and B."""
    start, away = problem.outputs, difference(values, problem.attached.start)
    change = sum(torch.einsum("nk...,...->nk", part, away[name]) for name, part in problem.features.items())
    product = ProductPrimal(problem.attached, problem.prepared, problem.weights)
    for name, value in values.items():
        product.values[name] = value.detach()
    outputs, _ = product.gradient(torch.arange(len(problem.labels)), problem.loss())
    return {
        "factors": (start + torch.as_tensor(change).double().cpu()).numpy(),
        "product": outputs.double().cpu().numpy(),
    }


def weights_alone(problem: Problem, recipe: Recipe) -> dict[str, float]:
    """Tune the weights themselves, and say how far their kernel drifts.

    Returns:
        `moved`, the distance of the outputs from their start; `gap`, that from the linear model, over
        `moved`; `drift` of the kernel ||K - K_0|| / ||K_0||; `distance` ||theta - theta_0||.
    """
    real, network = run(problem, "lora", recipe)
    linear, _ = run(problem, "factors", recipe)
    kernel = flat(gram(jacobian(problem.attached, problem.prepared, network.values)).numpy())
    moved = float(np.linalg.norm(real[-1] - real[0]))
    return {
        "moved": moved,
        "gap": float(np.linalg.norm(real[-1] - linear[-1])) / moved,
        "drift": float(np.linalg.norm(kernel - problem.kernel) / np.linalg.norm(problem.kernel)),
        "distance": norm(difference(network.values, network.start)),
    }


def growth(problem: Problem, recipe: Recipe) -> dict[str, float]:
    """Train all ways, and return by way the largest loss on the way over that at the start."""
    found = {}
    for way in WAYS:
        path = losses(problem, run(problem, way, recipe)[0])
        found[way] = max(path) / path[0]
    return found


def summary(races: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per run: `alpha`, `seed`, the last gap to each way over how far LoRA moved, the kernel."""
    rows = []
    for found in races:
        last = {way: float(gap[-1] / found["moved"][-1]) for way, gap in found["gap"].items()}
        rows.append({"alpha": found["alpha"], "seed": found["seed"], **last, **found["kernel"]})
    return pd.DataFrame(rows)


def verdict(table: pd.DataFrame) -> str:
    """Say which linearisation is nearer to real LoRA.

    Args:
        table: As `summary` returns it.

    Returns:
        `product` or `factors` where it is nearer in every run; otherwise `neither`.
    """
    nearer = table["product"] < table["factors"]
    if nearer.all():
        return "product"
    return "neither" if nearer.any() else "factors"
