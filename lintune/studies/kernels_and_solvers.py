"""Which kernel, and which solver: test accuracy of every pair that is defined, next to simpler ways."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lintune import baselines, metrics
from lintune.kernels import AsymmetricSignGD, BlockKernel, SignGD, contrast_kernels
from lintune.methods import Tangents, Weights
from lintune.prompted import PromptedModel
from lintune.solvers import CANDIDATES, choose
from lintune.studies.draws import union
from lintune.studies.intervals import interval
from lintune.tasks import Examples, FewShot, Task, few_shot

SGD, SIGNGD, ASYMMETRIC = KERNELS = ("SGD", "SignGD", "A-SignGD")
SOLVERS = tuple(CANDIDATES)
# Their objectives need an inner product, which an asymmetric kernel is not.
NEED_SYMMETRY = frozenset({"logistic", "support vectors"})
MAJORITY, ZERO_SHOT, CALIBRATED = BASELINES = ("majority class", "zero-shot", "zero-shot, calibrated")


def kernels_and_solvers(
    prompted: PromptedModel,
    task: Task,
    targets: Sequence[str],
    *,
    shots: int,
    seeds: Sequence[int],
    test_examples: int,
) -> pd.DataFrame:
    """Fit every solver to every kernel on the same draws of training examples.

    Every seed draws its own training examples; all share the test examples. The kernels of all draws come
    from one pass over the union of their examples. A solver's settings are chosen from
    `lintune.solvers.CANDIDATES` by cross-validation on the training examples of the draw alone.

    Args:
        prompted: The function.
        task: Where the examples come from.
        targets: Patterns of the layers whose weights the kernels are of.
        shots: Training examples per class, at least 2.
        seeds: Seeds of the draws.
        test_examples: Number of test examples.

    Returns:
        A row per seed and pair of `kernel` and `solver`: `seed`, `accuracy`, `held out` (that of the
        cross-validation) and `chosen`, in words. A pair that is not defined has neither. Baselines have their
        name as `solver` and an empty `kernel`; the seed of those that see no draw is -1.
    """
    draws = [few_shot(task, shots, seed, test_examples) for seed in seeds]
    test = draws[0].test
    pool, places = union([draw.train for draw in draws])
    weights = Weights(list(targets))
    methods: dict[str, Tangents] = {
        SGD: weights,
        SIGNGD: SignGD(weights),
        ASYMMETRIC: AsymmetricSignGD(weights),
    }
    # The test examples as rows, too: the asymmetric solver looks along both directions.
    everything = Examples((*pool.fields, *test.fields), np.concatenate([pool.labels, test.labels]))
    found = contrast_kernels(prompted, everything, methods=methods, by_layer=False)
    logits, at_test = found.train_logits, np.arange(len(pool), len(everything))
    rows = [
        _row("", MAJORITY, -1, baselines.majority(task.train.labels, test.labels)),
        _row("", ZERO_SHOT, -1, _accuracy(baselines.zero_shot(logits[at_test]), test)),
    ]
    for seed, draw, place in zip(seeds, draws, places, strict=True):
        calibrated = baselines.calibrated_zero_shot(logits[at_test], logits[place])
        rows.append(_row("", CALIBRATED, seed, _accuracy(calibrated, test)))
        rows += [
            _fitted(found.train[kernel], logits, draw, (place, at_test), kernel, solver, seed)
            for kernel in KERNELS
            for solver in SOLVERS
        ]
    return pd.DataFrame(rows)


def is_defined(kernel: str, solver: str) -> bool:
    """Say whether a solver takes a kernel."""
    return kernel != ASYMMETRIC or solver not in NEED_SYMMETRY


def best_pair(rows: pd.DataFrame) -> tuple[str, str]:
    """Return the kernel and the solver with the largest mean accuracy; in hindsight, so it flatters itself.

    Args:
        rows: As `kernels_and_solvers` returns them, for one task or several.
    """
    means = rows[rows.kernel != ""].groupby(["kernel", "solver"]).accuracy.mean().reset_index()
    best = means.iloc[int(means.accuracy.argmax())]
    return str(best.kernel), str(best.solver)


def gain(
    rows: pd.DataFrame, better: tuple[str, str], other: tuple[str, str]
) -> dict[str, float | str | None]:
    """Compare two ways, paired by draw.

    Args:
        rows: As `kernels_and_solvers` returns them, for one task.
        better: Kernel and solver of a way; a baseline has an empty kernel.
        other: Those of another.

    Returns:
        The mean `gain` in accuracy, its standard `error` over draws (None for a single one), and the
        `verdict`: where Student's 95 % interval of the mean leaves out 0 the first `wins` or `loses`,
        otherwise it is a `tie`; or `one draw only`. The test examples, which all draws share, are taken as
        given.
    """
    of = {way: _by_seed(rows, way) for way in (better, other)}
    # A way that sees no draw has one accuracy, the same against every draw.
    against = of[other].iloc[0] if of[other].index[0] == -1 else of[other]
    gains = (of[better] - against).to_numpy()
    mean = float(gains.mean())
    if len(gains) < 2:
        return {"gain": mean, "error": None, "verdict": "one draw only"}
    error = float(gains.std(ddof=1) / len(gains) ** 0.5)
    _, low, high = interval(gains)
    said = "wins" if low > 0 else "loses" if high < 0 else "tie"
    return {"gain": mean, "error": error, "verdict": said}


def _by_seed(rows: pd.DataFrame, way: tuple[str, str]) -> "pd.Series[float]":
    kernel, solver = way
    return rows[(rows.kernel == kernel) & (rows.solver == solver)].set_index("seed").accuracy


def _fitted(
    kernel: BlockKernel,
    logits: np.ndarray,
    draw: FewShot,
    places: tuple[np.ndarray, np.ndarray],
    name: str,
    solver: str,
    seed: int,
) -> dict[str, object]:
    if not is_defined(name, solver):
        return _row(name, solver, seed, None)
    train, test = places
    labels = np.asarray(draw.train.labels)
    square = kernel.between(train, train).total()
    chosen = choose(CANDIDATES[solver], square, logits[train], labels, seed=seed)
    scores = chosen.fitted.scores(
        kernel.between(train, test).total(), logits[test], kernel.between(test, train).total()
    )
    row = _row(name, solver, seed, _accuracy(scores.argmax(axis=1), draw.test))
    return row | {"held out": max(chosen.accuracies), "chosen": str(chosen.solver)}


def _row(kernel: str, solver: str, seed: int, accuracy: float | None) -> dict[str, object]:
    return {"kernel": kernel, "solver": solver, "seed": seed, "accuracy": accuracy}


def _accuracy(predicted: np.ndarray, test: Examples) -> float:
    return metrics.score("accuracy", test.labels, predicted)
