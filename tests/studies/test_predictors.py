"""Predictors of training: descriptions are those of the matrices, and verdicts follow from the numbers."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import count_parameters
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies import predictors
from lintune.tasks import FewShot
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

CONFIGURATIONS = 12
SIZES = np.repeat([1.0, 2.0, 3.0, 4.0], 3)


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("llama"), PROMPT, longest=32)


def test_configurations_combine_depth_kind_and_rank(prompted: PromptedModel) -> None:
    found = predictors.configurations(prompted, [1, 2], ["queries and values", "all weights"], [2, 4])
    assert list(found)[:3] == [
        "top 1, queries and values, rank 2",
        "top 1, queries and values, rank 4",
        "top 1, all weights, rank 2",
    ]
    assert len(found) == 8
    one = found["top 1, queries and values, rank 4"]
    assert sorted(one.targets or ()) == ["model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"]
    assert (one.rank, one.alpha) == (4, 8)
    assert len(found["top 2, all weights, rank 2"].targets or ()) == 14
    with pytest.raises(InputError, match="depth=3 must be from 1 to 2"):
        predictors.configurations(prompted, [3], ["attention"], [2])
    with pytest.raises(InputError, match="Did you mean 'attention'"):
        predictors.configurations(prompted, [1], ["atention"], [2])


def test_description_is_that_of_the_matrix() -> None:
    rng = np.random.default_rng(0)
    n, classes, ridge = 6, 3, 0.3
    features = rng.normal(size=(n * (classes - 1), 40))
    gram = features @ features.T
    kernel = gram.reshape(n, classes - 1, n, classes - 1)
    logits, labels = rng.normal(size=(n, classes)), np.array([0, 1, 2, 0, 1, 2])
    found = predictors.describe(kernel, logits, labels, ridge)
    values = np.linalg.eigvalsh(gram)
    basis = contrasts(classes)
    residual = ((np.eye(classes)[labels] - logits) @ basis).ravel()
    # The optimum of the regularised loss, by least squares in the features.
    weights = np.linalg.solve(features.T @ features + ridge * np.eye(40), features.T @ residual)
    optimum = 0.5 * np.sum((features @ weights - residual) ** 2) + ridge / 2 * weights @ weights
    centre = np.eye(n) - 1 / n
    alike = centre @ (labels[:, None] == labels) @ centre
    summed = centre @ np.einsum("icjc->ij", kernel) @ centre
    expected = {
        "condition number": values[-1] / values[0],
        "condition number with ridge": (values[-1] + ridge) / (values[0] + ridge),
        "smallest eigenvalue": values[0],
        "largest eigenvalue": values[-1],
        "trace": np.trace(gram),
        "effective dimension": np.trace(gram @ np.linalg.inv(gram + ridge * np.eye(len(gram)))),
        "alignment": np.sum(alike * summed) / np.linalg.norm(alike) / np.linalg.norm(summed),
        "ridge objective": optimum,
        "leave-one-out loss": fit(kernel, logits, labels).loss,
    }
    assert {**found, "parameters": 0.0}.keys() == predictors.PREDICTORS.keys()
    assert found == pytest.approx(expected)


def test_the_grid_describes_and_trains_every_configuration(prompted: PromptedModel) -> None:
    split = FewShot(sentences(0, 8), sentences(1, 10))
    methods = predictors.configurations(prompted, [1, 2], ["attention"], [2])
    rows = predictors.grid(prompted, split, methods, Recipe(learning_rate=1e-2, steps=2, optimiser="adam"))
    assert list(rows.configuration) == list(methods)
    assert {*predictors.PREDICTORS, *predictors.OUTCOMES, "train accuracy", "zero-shot accuracy"} < {*rows}
    assert rows["zero-shot accuracy"].nunique() == 1
    last = list(methods.values())[-1]
    assert rows.parameters.iloc[-1] == count_parameters(last, prompted.pretrained.model)
    alone = tangent_kernels(prompted, split.train, methods=[last], outputs=contrasts(2))
    gram = flat(alone.train[last.name].total())
    assert rows.trace.iloc[-1] == pytest.approx(np.trace(gram), rel=1e-5)
    assert np.isfinite(rows[list(predictors.OUTCOMES)].to_numpy()).all()


def made(value: Callable[[np.ndarray, np.random.Generator], np.ndarray], seeds: int = 4) -> pd.DataFrame:
    """Return rows in which `trace` is made from the training loss, all other predictors being constant."""
    rng = np.random.default_rng(3)
    rows = []
    for task in "abc":
        for seed in range(seeds):
            loss = -SIZES + rng.normal(scale=2, size=CONFIGURATIONS)
            columns = dict.fromkeys(predictors.PREDICTORS, np.ones(CONFIGURATIONS))
            outcomes = {"train loss": loss, "test loss": loss, "test accuracy": -loss}
            names = [f"top {size:g}, attention, rank {rank}" for size in SIZES[::3] for rank in (2, 4, 8)]
            rows.append(
                pd.DataFrame(columns | {"trace": value(loss, rng), "parameters": SIZES} | outcomes).assign(
                    task=task, seed=seed, configuration=names
                )
            )
    return pd.concat(rows, ignore_index=True)


def row(table: pd.DataFrame, predictor: str, outcome: str = "train loss") -> pd.Series:
    return table[(table.predictor == predictor) & (table.outcome == outcome)].iloc[0]


def test_what_equals_the_outcome_is_perfect_with_and_without_the_number_of_parameters() -> None:
    table = predictors.correlations(made(lambda loss, _: np.exp(-loss)))
    assert len(table) == len(predictors.PREDICTORS) * len(predictors.OUTCOMES)
    for outcome, sign in (("train loss", -1), ("test accuracy", 1)):
        found = row(table, "trace", outcome)
        assert found.expected == sign
        bounds = found[["mean", "low", "high", "partial", "partial low", "partial high"]]
        np.testing.assert_allclose(bounds.to_numpy(dtype=float), sign, rtol=1e-9)
        assert predictors.verdict(table, "trace", outcome) == "predicts"
        # As much better than the number of parameters as that falls short of 1.
        assert found.gain == pytest.approx(1 - sign * row(table, "parameters", outcome)["mean"])
        assert found["gain low"] > 0


def test_what_follows_the_number_of_parameters_adds_nothing_to_it() -> None:
    table = predictors.correlations(made(lambda _, __: SIZES**3))
    found = row(table, "trace")
    assert found["mean"] == pytest.approx(row(table, "parameters")["mean"])
    assert found["mean"] < -0.3
    assert found.partial == found["partial low"] == found["partial high"] == 0
    assert found.gain == pytest.approx(0)
    assert predictors.verdict(table, "trace", "train loss") == "not beyond the number of parameters"
    assert predictors.verdict(table, "parameters", "train loss") == "predicts"


def test_partial_correlation_is_that_of_residuals_of_ranks() -> None:
    rows = made(lambda loss, rng: loss + rng.normal(scale=2, size=CONFIGURATIONS), seeds=1)
    group = rows[rows.task == "a"]
    ranks = group[["trace", "train loss", "parameters"]].rank().to_numpy()
    line = np.stack([np.ones(CONFIGURATIONS), ranks[:, 2]], axis=1)
    left = ranks[:, :2] - line @ np.linalg.lstsq(line, ranks[:, :2], rcond=None)[0]
    found = row(predictors.correlations(group.assign(task="a")), "trace")
    assert found.partial == pytest.approx(np.corrcoef(left.T)[0, 1])


def test_a_constant_ranks_nothing() -> None:
    table = predictors.correlations(made(lambda loss, _: loss))
    assert row(table, "alignment")[["mean", "low", "high", "partial"]].tolist() == [0, 0, 0, 0]
    assert predictors.verdict(table, "alignment", "train loss") == "no clear relation"
    assert predictors.verdict(table, "trace", "train loss") == "the other way round"


def test_intervals_are_those_of_the_means_of_tasks() -> None:
    noisy = made(lambda loss, rng: -loss + rng.normal(scale=3, size=CONFIGURATIONS))
    table = predictors.correlations(noisy)
    found = row(table, "trace", "test accuracy")
    means = np.reshape(found.each, (3, 4)).mean(axis=1)
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((max(expected.low, -1), min(expected.high, 1)))
    assert (found["mean"], found.tasks, found.groups) == (pytest.approx(means.mean()), 3, 12)
    for name, prefix in (("mean", ""), ("partial", "partial "), ("gain", "gain ")):
        assert (table[f"{prefix}low"] <= table[name] + 1e-12).all()
        assert (table[name] <= table[f"{prefix}high"] + 1e-12).all()
    # More draws that say the same of the same tasks do not make it surer.
    again = row(predictors.correlations(pd.concat([noisy, noisy.assign(seed=noisy.seed + 4)])), "trace")
    assert again.groups == 24
    assert again[["low", "high"]].tolist() == pytest.approx(row(table, "trace")[["low", "high"]].tolist())


def test_intervals_are_cut_to_what_is_possible() -> None:
    rows = made(lambda loss, _: loss).query("task != 'c'")
    rows = rows.assign(trace=rows["train loss"] * np.where(rows.task == "a", 1, -1))
    found = row(predictors.correlations(rows), "trace")
    assert found[["low", "high"]].tolist() == [-1, 1]
    assert abs(found[["gain low", "gain high"]]).max() <= 2


def test_groups_that_agree_are_counted() -> None:
    rows = made(lambda loss, _: -loss)
    rows.loc[(rows.task == "b") & (rows.seed == 2), "trace"] *= -1
    table = predictors.correlations(rows)
    assert [row(table, "trace", outcome).agree for outcome in predictors.OUTCOMES] == [11, 11, 11]
    assert row(table, "alignment").agree == 0  # a constant agrees with nothing


def test_tasks_count_alike_whatever_their_draws() -> None:
    rows = made(lambda loss, _: loss).query("task != 'c' and (task == 'a' or seed == 0)")
    rows = rows.assign(trace=rows["train loss"] * np.where(rows.task == "a", 1, -1))
    assert row(predictors.correlations(rows), "trace")["mean"] == pytest.approx(0)


@pytest.mark.parametrize("seeds", [1, 4])
def test_one_task_has_no_interval(seeds: int) -> None:
    rows = made(lambda loss, _: loss, seeds)
    table = predictors.correlations(rows[rows.task == "a"])
    assert row(table, "trace")["mean"] == pytest.approx(1)
    assert np.isnan(row(table, "trace")[["low", "high", "partial low", "gain high"]].astype(float)).all()
    assert predictors.verdict(table, "trace", "train loss") == "one task only"


@pytest.mark.parametrize("missing", [np.inf, np.nan, None])
def test_an_infinite_condition_number_ranks_last(missing: float | None) -> None:
    rows = made(lambda loss, _: loss)
    regular = rows["train loss"] < -3
    rows["condition number"] = [
        loss if fine else missing for loss, fine in zip(rows["train loss"], regular, strict=True)
    ]
    table = predictors.correlations(rows)
    found = row(table, "condition number")
    groups = rows.assign(trace=rows["train loss"].where(regular, 99)).groupby(["task", "seed"])
    assert found.each == pytest.approx(
        [group.trace.corr(group["train loss"], method="spearman") for _, group in groups]
    )
    assert predictors.verdict(table, "condition number", "train loss") == "predicts"
    assert predictors.chosen(rows).loc["condition number"].notna().all()


@pytest.mark.parametrize("column", ["trace", "test accuracy"])
def test_other_missing_numbers_are_refused(column: str) -> None:
    rows = made(lambda loss, _: loss)
    rows.loc[5, column] = np.nan
    with pytest.raises(InputError, match=f"'{column}' is missing in 1 of 144"):
        predictors.correlations(rows)


def test_the_choice_of_a_predictor_is_the_configuration_it_likes_best() -> None:
    rows = made(lambda loss, _: -loss)
    found = predictors.chosen(rows)
    groups = rows.groupby(["task", "seed"])["train loss"]
    assert found.loc["trace", "train loss"] == pytest.approx(groups.min().mean())
    assert found.loc["trace"].to_numpy() == pytest.approx(found.loc["the best in hindsight"].to_numpy())
    assert found.loc["any configuration", "train loss"] == pytest.approx(rows["train loss"].mean())
    # A constant likes all alike; the number of parameters likes the three largest.
    assert found.loc["alignment"].to_numpy() == pytest.approx(found.loc["any configuration"].to_numpy())
    assert found.loc["parameters", "test loss"] == pytest.approx(
        rows[rows.parameters == 4]["test loss"].mean()
    )


def test_names_say_what_was_chosen() -> None:
    found = predictors.choices(made(lambda loss, _: loss)).iloc[4]
    assert found[["depth", "kind", "rank"]].tolist() == [2, "attention", 4]
