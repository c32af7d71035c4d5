"""How far kernel regression gets on a few examples, next to what it must beat."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lintune import baselines, metrics
from lintune.kernels import TangentKernels, contrasts, tangent_kernels
from lintune.methods import Method
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.draws import union
from lintune.studies.intervals import interval
from lintune.tasks import Examples, FewShot, Task, few_shot


def few_shot_accuracies(
    prompted: PromptedModel,
    task: Task,
    methods: Sequence[Method],
    *,
    shots: int,
    seeds: Sequence[int],
    test_examples: int,
) -> pd.DataFrame:
    """Compare kernel regression with simpler ways on the same draws of training examples.

    Every seed draws its own training examples; all share the test examples. The kernels of all draws come
    from one pass over the union of their examples. Ridge and offset of a kernel regression, and the
    penalty of the word counts, are chosen on the training examples of the draw alone.

    Args:
        prompted: The function.
        task: Where the examples come from.
        methods: One kernel regression per method.
        shots: Training examples per class.
        seeds: Seeds of the draws.
        test_examples: Number of test examples.

    Returns:
        One row per way and seed: `way`, `seed` (-1 for ways that see no draw), `accuracy`, and for
        kernel regressions `ridge` (relative to the mean eigenvalue) and `offset`.
    """
    draws = [few_shot(task, shots, seed, test_examples) for seed in seeds]
    test = draws[0].test
    pool, places = union([draw.train for draw in draws])
    kernels = tangent_kernels(
        prompted, pool, test, methods=methods, outputs=contrasts(prompted.classes), by_layer=False
    )
    rows = [
        _row("majority class", -1, baselines.majority(task.train.labels, test.labels)),
        _row("zero-shot", -1, _accuracy(baselines.zero_shot(kernels.cross_logits), test)),
    ]
    for seed, draw, place in zip(seeds, draws, places, strict=True):
        calibrated = baselines.calibrated_zero_shot(kernels.cross_logits, kernels.train_logits[place])
        rows.append(_row("zero-shot, calibrated", seed, _accuracy(calibrated, test)))
        rows.append(
            _row(
                "TF-IDF + logistic regression", seed, _accuracy(baselines.tfidf(draw.train, test, seed), test)
            )
        )
        rows += [_regression(kernels, method.name, draw, place, seed) for method in methods]
    return pd.DataFrame(rows)


def beats_baselines(rows: pd.DataFrame) -> dict[str, object]:
    """Say whether the best kernel regression beats the best other way, paired by draw.

    Args:
        rows: What `few_shot_accuracies` returns, for one task.

    Returns:
        The two ways (each the best of its kind by mean accuracy), the `mean gain` in accuracy, its
        `standard error` over draws (None for a single draw), and the `verdict`: the kernel `wins` or
        `loses` where Student's 95 % interval of the mean gain leaves out zero, else it is a `tie`; or `one
        draw only`.
    """
    means = rows.groupby("way").accuracy.mean()
    kernels = means.index.str.startswith("kernel regression")
    best, other = means[kernels].idxmax(), means[~kernels].idxmax()
    accuracy = {way: rows[rows.way == way].set_index("seed").accuracy for way in (best, other)}
    # A way that sees no draw has one accuracy, the same against every draw.
    against = accuracy[other].iloc[0] if accuracy[other].index[0] == -1 else accuracy[other]
    gains = (accuracy[best] - against).to_numpy()
    gain, low, high = interval(gains)
    return {
        "best kernel": best,
        "best other": other,
        "mean gain": gain,
        "standard error": _standard_error(gains),
        "verdict": _in_words(low, high),
    }


def _in_words(low: float, high: float) -> str:
    if math.isnan(low):
        return "one draw only"
    return "wins" if low > 0 else "loses" if high < 0 else "tie"


def _standard_error(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def _regression(
    kernels: TangentKernels, method: str, draw: FewShot, place: np.ndarray, seed: int
) -> dict[str, object]:
    train = kernels.train[method].between(place, place).total()
    cross = kernels.cross[method].between(place, range(len(draw.test))).total()
    fitted = fit(train, kernels.train_logits[place], draw.train.labels)
    predicted = fitted.scores(cross, kernels.cross_logits).argmax(axis=1)
    found = _row(f"kernel regression, {method}", seed, _accuracy(predicted, draw.test))
    return found | {"ridge": fitted.relative_ridge, "offset": fitted.offset}


def _row(way: str, seed: int, accuracy: float) -> dict[str, object]:
    return {"way": way, "seed": seed, "accuracy": accuracy}


def _accuracy(predicted: np.ndarray, test: Examples) -> float:
    return metrics.score("accuracy", test.labels, predicted)
