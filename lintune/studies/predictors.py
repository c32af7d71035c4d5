"""Which number of a kernel at the start foretells training loss and accuracy, over many layer choices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lintune import spectrum
from lintune.descent import Recipe
from lintune.errors import InputError, unknown_name
from lintune.finetune import Setup, finetune
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import LoRA, count_parameters
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.intervals import interval
from lintune.tangents import top_layers
from lintune.tasks import FewShot

# Each predictor with the direction that is claimed of it, or that one would expect: the sign of its rank
# correlation with the training loss.
PREDICTORS: dict[str, int] = {
    "condition number": 1,
    "condition number with ridge": 1,
    "smallest eigenvalue": -1,
    "largest eigenvalue": -1,
    "trace": -1,
    "effective dimension": -1,
    "alignment": -1,
    "ridge objective": 1,
    "leave-one-out loss": 1,
    "parameters": -1,
}
OUTCOMES = ("train loss", "test loss", "test accuracy")
KINDS: dict[str, tuple[str, ...]] = {
    "queries and values": ("q_proj", "v_proj"),
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "all weights": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
}
# Ridge of the two predictors that need one, over the mean eigenvalue of the whole grid's kernels.
_RIDGE = 0.01


def configurations(
    prompted: PromptedModel, depths: Sequence[int], kinds: Sequence[str], ranks: Sequence[int]
) -> dict[str, LoRA]:
    """Return LoRA on every combination of how many top blocks, which weights and which rank.

    Args:
        prompted: The function.
        depths: Numbers of blocks, counted from the output.
        kinds: Names in `KINDS`.
        ranks: Ranks; alpha is twice the rank throughout.

    Raises:
        InputError: More blocks than the model has, an unknown kind, or a rank that does not fit.
    """
    found = {}
    for depth in depths:
        layers = top_layers(prompted.pretrained.model, depth)
        for kind in kinds:
            if kind not in KINDS:
                raise unknown_name("kinds", kind, KINDS)
            targets = tuple(name for name in layers if name.rpartition(".")[2] in KINDS[kind])
            for rank in ranks:
                found[f"top {depth}, {kind}, rank {rank}"] = LoRA(rank, 2.0 * rank, targets)
    return found


def grid(
    prompted: PromptedModel, split: FewShot, methods: Mapping[str, LoRA], recipe: Recipe
) -> pd.DataFrame:
    """Describe the kernel of every configuration at the start, then train every one.

    All kernels come from one capture. The frozen blocks under a configuration are run once for it.

    Args:
        prompted: The function.
        split: Training and test examples.
        methods: Configurations by name.
        recipe: How each is trained; the same for all.

    Returns:
        A row per configuration: `configuration`, every one of `PREDICTORS`, every one of `OUTCOMES`, and
        `train accuracy`, `zero-shot accuracy`.
    """
    basis = contrasts(prompted.classes)
    found = tangent_kernels(prompted, split.train, methods=methods, outputs=basis, by_layer=False)
    grams = {name: kernel.total() for name, kernel in found.train.items()}
    ridge = _RIDGE * float(np.mean([np.trace(flat(gram)) / len(flat(gram)) for gram in grams.values()]))
    rows = []
    setup: Setup | None = None
    for name, method in tqdm(methods.items(), desc="configurations", leave=False):
        described = describe(grams[name], found.train_logits, split.train.labels, ridge)
        described["parameters"] = float(count_parameters(method, prompted.pretrained.model))
        setup = setup.with_method(method) if setup else Setup.of(prompted, method, split)
        run = finetune(setup, recipe, at=(0, recipe.steps), twin=False).rows
        start, end = run.iloc[0], run.iloc[-1]
        outcome = {
            "train loss": end.loss / len(split.train),
            "test loss": end.test_loss,
            "test accuracy": end.test_accuracy,
            "train accuracy": end.accuracy,
            "zero-shot accuracy": start.test_accuracy,
        }
        rows.append({"configuration": name, **described, **outcome})
    return pd.DataFrame(rows)


def describe(kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray, ridge: float) -> dict[str, float]:
    """Return what a kernel says before any training: `PREDICTORS` without the number of parameters.

    Args:
        kernel: `(n, C - 1, n, C - 1)` of contrasts.
        logits: `(n, C)` of the training examples at the start.
        labels: `(n,)` their classes.
        ridge: In the kernel's units, for the condition number and the objective with a ridge.
    """
    gram = flat(kernel)
    values = spectrum.eigenvalues(gram)
    basis = contrasts(logits.shape[1])
    residual = (basis[labels] - logits @ basis).ravel()
    dual = np.linalg.solve(gram + ridge * np.eye(len(gram)), residual)
    example = spectrum.example_kernel(kernel)
    return {
        "condition number": spectrum.condition_number(gram),
        "condition number with ridge": float((values[0] + ridge) / (max(values[-1], 0.0) + ridge)),
        "smallest eigenvalue": float(values[-1]),
        "largest eigenvalue": float(values[0]),
        "trace": float(values.sum()),
        "effective dimension": spectrum.effective_dimension(gram, ridge),
        "alignment": spectrum.alignment(example, spectrum.label_kernel(labels)),
        "ridge objective": float(ridge / 2 * residual @ dual),
        "leave-one-out loss": fit(kernel, logits, labels).loss,
    }


def completed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as `grid` made them, from those of a record.

    A record holds no infinity, so the condition number of a singular kernel is missing there.

    Args:
        rows: What `grid` returns, perhaps read from a record.

    Raises:
        InputError: Another number is missing.
    """
    column = "condition number"
    rows = rows.assign(**{column: rows[column].astype(float).fillna(np.inf)})
    for name in (*PREDICTORS, *OUTCOMES):
        missing = int(rows[name].isna().sum())
        if missing:
            raise InputError(
                f"rows: {name!r} is missing in {missing} of {len(rows)}; only {column!r} may be."
            )
    return rows


def correlations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how well each predictor ranks the configurations, by outcome.

    Within each group (a task and a draw of examples) Spearman's rank correlation over the configurations
    is taken, and the partial one given the number of parameters. Draws of one task share its test set and
    its prompt, so groups are averaged by task first, and intervals are Student's, of the tasks' means, cut
    to what is possible. They are about other tasks of the kind; they say nothing of other configurations
    than these.

    Args:
        rows: What `grid` returns, with the columns `task` and `seed`. A missing condition number is
            infinite, as in `completed`.

    Returns:
        A row per predictor and outcome: `predictor`, `outcome`; `expected`, the sign of the correlation that
        is claimed or to be expected; `tasks` and `groups`, how many there are; `agree`, in how many groups
        the correlation has the expected sign; `mean`, `low` and `high` (95 %, missing where there is one task
        only) of the rank correlation, `partial`, `partial low` and `partial high` given the number of
        parameters, and `gain`, `gain low` and `gain high` of the correlation in the expected direction over
        that of the number of parameters; and `each`, the groups' correlations.

    Raises:
        InputError: A number is missing that is not a condition number.
    """
    groups = _groups(rows)
    tasks = [task for task, _ in groups]
    ranked = [_rank_correlations(group) for group in groups.values()]
    found = []
    for outcome in OUTCOMES:
        whole = {name: np.array([by.at[name, outcome] for by in ranked]) for name in PREDICTORS}
        size = expected_sign("parameters", outcome) * whole["parameters"]
        for predictor, each in whole.items():
            expected = expected_sign(predictor, outcome)
            partial = np.array([_partial(by, predictor, outcome) for by in ranked])
            found.append(
                {
                    "predictor": predictor,
                    "outcome": outcome,
                    "expected": expected,
                    "tasks": len(set(tasks)),
                    "groups": len(groups),
                    "agree": int((expected * each > 0).sum()),
                    **_interval(tasks, each, "mean", "", 1),
                    **_interval(tasks, partial, "partial", "partial ", 1),
                    **_interval(tasks, expected * each - size, "gain", "gain ", 2),
                    "each": each.tolist(),
                }
            )
    return pd.DataFrame(found)


def expected_sign(predictor: str, outcome: str) -> int:
    """Return the sign of the rank correlation that is claimed or to be expected."""
    return PREDICTORS[predictor] * (-1 if outcome == "test accuracy" else 1)


def verdict(table: pd.DataFrame, predictor: str, outcome: str) -> str:
    """Say what the correlations say of a predictor.

    Args:
        table: What `correlations` returns.
        predictor: One of `PREDICTORS`.
        outcome: One of `OUTCOMES`.

    Returns:
        `one task only` where there is one, so no interval; `no clear relation` where the interval holds 0;
        `the other way round` where the sign is not the expected one; `not beyond the number of parameters`
        where the interval of the partial correlation holds 0 or less in the expected direction; else
        `predicts`.
    """
    row: Any = table[(table.predictor == predictor) & (table.outcome == outcome)].iloc[0]
    if row.tasks < 2:
        return "one task only"
    if row.low <= 0 <= row.high:
        return "no clear relation"
    if np.sign(row["mean"]) != row.expected:
        return "the other way round"
    if (
        predictor != "parameters"
        and min(row.expected * row["partial low"], row.expected * row["partial high"]) <= 0
    ):
        return "not beyond the number of parameters"
    return "predicts"


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what comes of training the configuration that a predictor likes best.

    In each group that is the configuration with the largest, or smallest, value, as is expected of the
    predictor; of equal ones the average counts. Groups are averaged, every task counting alike.

    Args:
        rows: What `grid` returns, with the columns `task` and `seed`. A missing condition number is
            infinite, as in `completed`.

    Returns:
        `train loss`, `test loss` and `test accuracy` of the choice, by predictor; then of `any
        configuration`, the mean over all, and of `the best in hindsight`, which for each outcome is another.

    Raises:
        InputError: A number is missing that is not a condition number.
    """
    groups = _groups(rows)
    tasks = [task for task, _ in groups]
    found = {}
    for predictor, sign in PREDICTORS.items():
        liked = [
            group[sign * group[predictor] == (sign * group[predictor]).min()] for group in groups.values()
        ]
        found[predictor] = _by_task(tasks, [each[list(OUTCOMES)].mean() for each in liked]).mean(axis=0)
    outcomes = [group[list(OUTCOMES)] for group in groups.values()]
    best = [[each.iloc[:, 0].min(), each.iloc[:, 1].min(), each.iloc[:, 2].max()] for each in outcomes]
    found["any configuration"] = _by_task(tasks, [each.mean() for each in outcomes]).mean(axis=0)
    found["the best in hindsight"] = _by_task(tasks, best).mean(axis=0)
    return pd.DataFrame.from_dict(found, orient="index", columns=list(OUTCOMES))


def choices(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with what their configurations choose: columns `depth`, `kind` and `rank`."""
    parts = rows.configuration.str.extract(r"^top (?P<depth>\d+), (?P<kind>.+), rank (?P<rank>\d+)$")
    return rows.assign(depth=parts.depth.astype(int), kind=parts.kind, rank=parts["rank"].astype(int))


def _groups(rows: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the rows of each task and draw, completed."""
    return {
        (str(task), str(seed)): group for (task, seed), group in completed(rows).groupby(["task", "seed"])
    }


def _by_task(tasks: Sequence[str], each: Any) -> np.ndarray:
    """Return the mean of each task's groups, `(T, ...)`, from values of the groups `(G, ...)`."""
    values, names = np.asarray(each, dtype=float), np.array(tasks)
    return np.array([values[names == task].mean(axis=0) for task in dict.fromkeys(tasks)])


def _interval(
    tasks: Sequence[str], each: np.ndarray, name: str, prefix: str, limit: float
) -> dict[str, float]:
    """Return the mean over tasks and Student's interval of it, cut to plus or minus a limit."""
    mean, *ends = interval(_by_task(tasks, each))
    low, high = np.clip(ends, -limit, limit)
    return {name: mean, f"{prefix}low": float(low), f"{prefix}high": float(high)}


def _rank_correlations(group: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlation of predictors and outcomes, 0 where one is constant and ranks nothing."""
    return group[[*PREDICTORS, *OUTCOMES]].rank().corr().fillna(0.0)


def _partial(by: pd.DataFrame, predictor: str, outcome: str) -> float:
    """Return the rank correlation of predictor and outcome given the number of parameters.

    It is that of what a straight line through the ranks of the number of parameters leaves of both.
    """
    pair, one, other = (
        float(by[right][left])
        for left, right in ((predictor, outcome), (predictor, "parameters"), (outcome, "parameters"))
    )
    left = (1 - one**2) * (1 - other**2)
    return float(np.clip((pair - one * other) / left**0.5, -1, 1)) if left > 1e-12 else 0.0
