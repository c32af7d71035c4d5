"""What the kernels of all methods say before any training, from one capture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lintune import metrics, spectrum
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import Method
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.behaviour.draws import Draw
from lintune.studies.comparison.compared import seeded
from lintune.studies.draws import union
from lintune.studies.predictors import describe
from lintune.studies.zoo import likeness

# The ridge of the effective dimension over the kernel's mean eigenvalue.
RIDGE = 0.01


def foretold(
    prompted: PromptedModel,
    methods: Mapping[str, Method],
    draws: Sequence[Draw],
    metric: metrics.Metric = "accuracy",
) -> list[dict[str, Any]]:
    """Return what each method's kernel at the start says, a row per method and draw.

    Args:
        prompted: The function.
        methods: Methods by name.
        draws: Draws that share their test examples.
        metric: How answers are scored.

    Returns:
        Rows with `method`, `seed`; `leave-one-out loss` of kernel regression, whose ridge and offset are
        chosen by it; its `kernel score` and `kernel test loss`, the mean squared error of the contrasts, on
        the test examples; `alignment` with the labels; `effective dimension` at a ridge of a hundredth of
        the kernel's own mean eigenvalue, and `trace`. The rows of the first draw have `spectrum`, the
        eigenvalues over their sum, and `alike`, the centred alignment with every method's kernel by name.
    """
    test = draws[0].test
    pool, places = union([draw.train for draw in draws])
    basis = contrasts(prompted.classes)
    found = tangent_kernels(
        prompted,
        pool,
        test,
        methods={
            _label(name, draw.seed): seeded(method, draw.seed)
            for name, method in methods.items()
            for draw in draws
        },
        outputs=basis,
        by_layer=False,
        prepared=_prepared(prompted, methods, pool, test),
    )
    rows = []
    for number, (draw, place) in enumerate(zip(draws, places, strict=True)):
        within = {name: found.train[_label(name, draw.seed)].between(place, place) for name in methods}
        alike = likeness(within, draw.train.labels).round(6).to_dict("index") if number == 0 else {}
        logits = found.train_logits[place]
        for name, kernel in within.items():
            gram, cross = (
                kernel.total(),
                found.cross[_label(name, draw.seed)].between(place, range(len(test))).total(),
            )
            fitted = fit(gram, logits, draw.train.labels)
            scores = fitted.scores(cross, found.cross_logits)
            row: dict[str, Any] = {
                "method": name,
                "seed": draw.seed,
                **_described(gram, logits, draw.train.labels),
                "kernel score": metrics.score(metric, test.labels, scores.argmax(axis=1)),
                "kernel test loss": float(((scores @ basis - basis[test.labels]) ** 2).sum(axis=1).mean()),
            }
            first = {"spectrum": _spectrum(gram), "alike": alike.get(name)} if number == 0 else {}
            rows.append(row | first)
    return rows


def _label(name: str, seed: int) -> str:
    return f"{name} {seed}"


def _described(gram: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    ridge = RIDGE * float(np.trace(flat(gram)) / len(flat(gram)))
    found = describe(gram, logits, labels, ridge)
    return {name: found[name] for name in ("leave-one-out loss", "alignment", "effective dimension", "trace")}


def _spectrum(gram: np.ndarray) -> list[float]:
    values = np.clip(spectrum.eigenvalues(flat(gram)), 0, None)
    return [float(f"{value:.4g}") for value in values / values.sum()]


def _prepared(
    prompted: PromptedModel, methods: Mapping[str, Method], *sets: Any
) -> tuple[Prepared, Prepared] | None:
    """Return the examples with the frozen blocks run, where all methods freeze the same ones."""
    attached = [Attached(prompted, method) for method in methods.values()]
    if len({each.frozen_blocks for each in attached}) != 1:
        return None
    first, second = (attached[0].prepare(examples) for examples in sets)
    return first, second
