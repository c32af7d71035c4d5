"""Which number of a kernel at the start foretells training loss and accuracy, over many layer choices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from tqdm.auto import tqdm

from lintune import spectrum
from lintune.descent import Recipe
from lintune.errors import InputError, unknown_name
from lintune.finetune import finetune
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import LoRA, count_parameters
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.regression import fit
from lintune.tangents import blocks_of, tunable_layers
from lintune.tasks import FewShot

# Each predictor with the direction that is claimed of it, or that one would expect: the sign of its rank
# correlation with the training loss. None where nobody claims one.
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
    total = len(blocks_of(prompted.pretrained.model))
    layers = tunable_layers(prompted.pretrained.model)
    found = {}
    for depth in depths:
        if not 1 <= depth <= total:
            raise InputError(f"depths={depth} must be from 1 to {total}, the number of blocks.")
        for kind in kinds:
            if kind not in KINDS:
                raise unknown_name("kinds", kind, KINDS)
            targets = tuple(
                name
                for name, site in layers.items()
                if (site.block or 0) >= total - depth and name.rpartition(".")[2] in KINDS[kind]
            )
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
    ready: dict[int, tuple[Prepared, Prepared]] = {}  # by the number of frozen blocks, which may be many
    for name, method in tqdm(methods.items(), desc="configurations", leave=False):
        attached = Attached(prompted, method)
        if attached.frozen_blocks not in ready:
            ready = {attached.frozen_blocks: (attached.prepare(split.train), attached.prepare(split.test))}
        described = describe(grams[name], found.train_logits, split.train.labels, ridge)
        described["parameters"] = float(count_parameters(method, prompted.pretrained.model))
        run = finetune(
            prompted,
            method,
            split.train,
            split.test,
            recipe,
            at=(0, recipe.steps),
            twin=False,
            prepared=(attached, *ready[attached.frozen_blocks]),
        ).rows
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


def correlations(rows: pd.DataFrame, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Return how well each predictor ranks the configurations, by outcome.

    Within each group (a task and a draw of examples) Spearman's rank correlation over the configurations
    is taken, and the partial one given the number of parameters; groups are then averaged, with an
    interval from resampling them.

    Args:
        rows: What `grid` returns, with the columns `task` and `seed`.
        draws: Resamples of the groups.
        seed: Seed of the resampling.

    Returns:
        A row per predictor and outcome: `mean`, `low` and `high` (95 %) of the rank correlation,
        `partial`, `partial low` and `partial high`, and `each`, the list of the groups' correlations.
    """
    groups = [group for _, group in rows.groupby(["task", "seed"])]
    rng = np.random.default_rng(seed)
    picked = rng.integers(len(groups), size=(draws, len(groups)))
    found = []
    for outcome in OUTCOMES:
        for predictor in PREDICTORS:
            each = np.array([_spearman(group[predictor], group[outcome]) for group in groups])
            partial = np.array([_partial(group, predictor, outcome) for group in groups])
            found.append(
                {
                    "predictor": predictor,
                    "outcome": outcome,
                    **_interval(each, picked, ""),
                    **_interval(partial, picked, "partial"),
                    "each": each.tolist(),
                }
            )
    return pd.DataFrame(found)


def verdict(table: pd.DataFrame, predictor: str, outcome: str) -> str:
    """Say what the correlations say of a predictor.

    Args:
        table: What `correlations` returns.
        predictor: One of `PREDICTORS`.
        outcome: One of `OUTCOMES`.

    Returns:
        `no relation` where the interval holds 0; `the other way round` where the sign is not the expected
        one; `follows the number of parameters` where nothing is left given that number; else `predicts`.
    """
    row: Any = table[(table.predictor == predictor) & (table.outcome == outcome)].iloc[0]
    expected = PREDICTORS[predictor] * (-1 if outcome == "test accuracy" else 1)
    if row.low <= 0 <= row.high:
        return "no relation"
    if np.sign(row["mean"]) != expected:
        return "the other way round"
    if predictor != "parameters" and (
        expected * row["partial low"] <= 0 or expected * row["partial high"] <= 0
    ):
        return "follows the number of parameters"
    return "predicts"


def _interval(each: np.ndarray, picked: np.ndarray, name: str) -> dict[str, float]:
    means = each[picked].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    prefix = f"{name} " if name else ""
    return {name or "mean": float(each.mean()), f"{prefix}low": float(low), f"{prefix}high": float(high)}


def _spearman(left: pd.Series, right: pd.Series) -> float:
    """Return the rank correlation, 0 where one side is constant and ranks nothing."""
    if left.nunique() < 2 or right.nunique() < 2:
        return 0.0
    return float(stats.spearmanr(left, right).statistic)


def _partial(group: pd.DataFrame, predictor: str, outcome: str) -> float:
    """Return the rank correlation of predictor and outcome given the number of parameters."""
    pair, one, other = (
        _spearman(group[left], group[right])
        for left, right in (
            (predictor, outcome),
            (predictor, "parameters"),
            (outcome, "parameters"),
        )
    )
    left = (1 - one**2) * (1 - other**2)
    return float(np.clip((pair - one * other) / left**0.5, -1, 1)) if left > 1e-12 else 0.0
