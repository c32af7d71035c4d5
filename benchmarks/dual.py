"""What training the linear model costs: in the dual, on stored features, and by forward-mode differentiation.

    python -m benchmarks.dual --texts 32 --steps 2

The same run of gradient descent three ways, LoRA on the queries and values of every block. A step is timed
from update to update; what is computed once before the first step is timed apart. All in one process, on the
threads that are asked for.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, Any, TypeVar

import numpy as np
import torch
import typer

from benchmarks import report
from benchmarks.inputs import Inputs, load
from lintune.descent import Loss, Recipe, Squared, World, descend, difference, norm
from lintune.kernels import flat, tangent_kernels
from lintune.linearized import Dual, Features, Primal, TangentModel, jacobian
from lintune.methods import LoRA
from lintune.methods.attached import Attached
from lintune.records import Stopwatch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
T = TypeVar("T")
_TITLES = {"dual": "dual", "features": "stored features", "primal": "forward mode"}


@app.command()
def main(
    texts: Annotated[int, typer.Option(min=2, help="sentences n")] = 32,
    rank: Annotated[int, typer.Option(min=1, help="rank of LoRA")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="steps by forward mode")] = 2,
    repeats: Annotated[
        int, typer.Option(min=1, help="times that the kernel and the features are formed")
    ] = 2,
    many: Annotated[int, typer.Option(min=1, help="steps in the dual and on features")] = 50,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    out: Annotated[Path | None, typer.Option(help="the record (.json)")] = None,
) -> None:
    """Measure, print a table, write the record."""
    stopwatch = Stopwatch()
    torch.set_num_threads(threads)
    found = measure(load(texts, device), LoRA(rank, 2 * rank), steps, repeats, many)
    parameters = {
        "texts": texts,
        "rank": rank,
        "steps": steps,
        "repeats": repeats,
        "many": many,
        "threads": threads,
        "device": device,
    }
    path = report.write(out or Path(f"results/benchmark_dual.{device}.json"), found, parameters, stopwatch)
    print(table(found))
    print(f"\n{path}")


def measure(inputs: Inputs, method: LoRA, steps: int, repeats: int, many: int) -> dict[str, Any]:
    """Train the linear model of a method three ways and time it.

    Args:
        inputs: Model and labelled sentences.
        method: What is trained.
        steps: Steps by forward mode, and steps after which the three are compared.
        repeats: Times that the kernel and the features are formed.
        many: Steps in the dual and on features.

    Returns:
        `ways`: by way the seconds `once` and by `step`, medians, and `steps`, each one's seconds;
        `back`, the seconds of one backward pass from the dual to the parameters;
        `break_even`: from how many steps on the dual takes less time than each other way (see `break_even`);
        `differences`: of outputs and parameters from those by forward mode after `steps` steps, relative.
    """
    attached = Attached(inputs.prompted, method)
    prepared, basis = attached.prepare(inputs.examples), attached.basis.cpu().numpy()
    loss = Squared(inputs.examples.labels, inputs.prompted.classes)

    def kernel() -> tuple[np.ndarray, np.ndarray]:
        found = tangent_kernels(
            inputs.prompted, inputs.examples, methods=[method], outputs=basis, by_layer=False
        )
        return found.train[method.name].total(), found.train_logits @ basis

    kernel_seconds, (gram, start) = _repeated(kernel, repeats)
    features_seconds, features = _repeated(lambda: jacobian(attached, prepared), repeats)
    largest = float(np.linalg.eigvalsh(flat(gram))[-1])
    recipe = Recipe(learning_rate=0.5 / largest, steps=steps, strength=0.01 * largest)
    outputs = torch.as_tensor(start, device=inputs.device)
    makers: dict[str, tuple[float, Callable[[], World]]] = {
        "dual": (kernel_seconds, lambda: Dual(gram, start)),
        "features": (features_seconds, lambda: Features(attached.start, features, outputs)),
        "primal": (0.0, lambda: Primal(attached, prepared)),
    }
    ways, ends, worlds = {}, {}, {}
    for way, (once, make) in makers.items():
        worlds[way] = make()
        seconds, ends[way] = _timed(worlds[way], loss, recipe)
        if way != "primal":
            long = Recipe(recipe.learning_rate, many, strength=recipe.strength)
            seconds, _ = _timed(make(), loss, long)
        ways[way] = {"once": once, "step": median(seconds), "steps": seconds}
    tangent, alpha = TangentModel(attached, prepared), worlds["dual"].values["alpha"]
    back_seconds, back = _repeated(lambda: tangent.pulled(alpha), 1)
    away = difference(worlds["primal"].values, attached.start)
    return {
        "ways": ways,
        "back": back_seconds,
        "break_even": {way: break_even(ways["dual"], ways[way]) for way in ("features", "primal")},
        "differences": {
            "outputs": float((ends["dual"] - ends["primal"]).norm() / ends["primal"].norm()),
            "features outputs": float((ends["features"] - ends["primal"]).norm() / ends["primal"].norm()),
            "parameters": norm(difference(back, away)) / norm(away),
        },
    }


def break_even(way: dict[str, Any], other: dict[str, Any]) -> int | None:
    """Return from how many steps on a way takes less time than another, what is done once included.

    Args:
        way: Seconds `once` and by `step`.
        other: The same of the other way.

    Returns:
        The number of steps, 0 where it is less from the start; None where it is not less for good.
    """
    saved, ahead = other["step"] - way["step"], way["once"] - other["once"]
    if ahead < 0 and saved >= 0:
        return 0
    return math.floor(ahead / saved) + 1 if saved > 0 else None


def table(found: dict[str, Any]) -> str:
    """Return what was measured as lines of text."""
    lines = [f"{'way':<18}{'once, s':>10}{'a step, s':>12}"]
    for way, seconds in found["ways"].items():
        lines.append(f"{_TITLES[way]:<18}{seconds['once']:>10.2f}{seconds['step']:>12.2g}")
    for way, count in found["break_even"].items():
        after = "never" if count is None else f"from step {count} on"
        lines.append(f"the dual is ahead of {_TITLES[way]} {after}")
    return "\n".join(lines)


def _timed(world: World, loss: Loss, recipe: Recipe) -> tuple[list[float], torch.Tensor]:
    """Return the seconds of each gradient and update, and the last outputs, float64 on the CPU."""
    seconds, before = [], time.perf_counter()
    outputs = torch.empty(0)
    for step in descend(world, loss, recipe):
        outputs = step.outputs.double().cpu()  # waits for a GPU
        now = time.perf_counter()
        seconds.append(now - before)
        before = now
    return seconds, outputs


def _repeated(call: Callable[[], T], times: int) -> tuple[float, T]:
    """Return the median of the seconds that a call takes, and what it returns."""
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        found = call()
        seconds.append(time.perf_counter() - before)
    return median(seconds), found


if __name__ == "__main__":
    app()
