"""Each claim of Kowsher et al. holds on one made record and not on another."""

from pathlib import Path
from typing import Any

import pytest

from lintune.claims import Claim, Evidence, Verdict, judged
from lintune.claims.rocoft import CLAIMS
from lintune.claims.rocoft.budget import fewer_parameters_than_lora, reported_count_is_what_is_trained
from lintune.claims.rocoft.cost import cheaper_than_lora
from lintune.claims.rocoft.distance import kernel_of_a_few_is_near
from lintune.claims.rocoft.lora import as_good_as_lora, three_are_enough
from lintune.claims.rocoft.regression import regression_is_about_as_accurate
from lintune.claims.rocoft.selection import (
    any_choice_has_about_the_same_kernel,
    any_choice_learns_about_as_well,
)
from lintune.studies.intervals import interval
from tests.claims.made import finding, methods

DRAWS = range(5)
NOISE = (0.002, -0.001, 0.0, 0.001, -0.002)


def distances(**by_rule: float) -> dict[str, Any]:
    ways = ("none", "trace", "frobenius", "centred")
    rows = [
        {"kind": kind, "count": 3, "rule": rule, **dict.fromkeys(ways, distance)}
        for kind in ("rows", "columns")
        for rule, distance in by_rule.items()
    ]
    return {"texts": 6, "distances": rows, "chance": [{"rule": "shuffled", **dict.fromkeys(ways, 0.5)}]}


def selection(what: str, scores: dict[tuple[str, str], float]) -> dict[str, Any]:
    rows = [
        {"what": what, "kind": kind, "rule": rule, "count": 0 if kind == "full" else 3, "task": "mr"}
        | {"draw": draw, "score": score + (0.0 if kind == "full" or rule == "first" else NOISE[draw])}
        for (kind, rule), score in scores.items()
        for draw in DRAWS
    ]
    return {"rows": rows}


def benchmark(rows: float, columns: float) -> dict[str, Any]:
    costs = {"rows": rows, "columns": columns, "lora-1": 1.0}
    runs = {
        name: [{"round": number, "cpu": cost, "peak": 100 * cost} for number in (1, 2, 3)]
        for name, cost in costs.items()
    }
    return {"runs": runs, "equal_budget": {"rows": 1, "columns": 1}}


def test_biases_are_more_than_is_reported(tmp_path: Path) -> None:
    counts = {"3 rows of each weight": 248_832, "biases of the same layers": 82_944}
    claim = reported_count_is_what_is_trained
    with_biases = finding(claim, tmp_path, "rocoft", {"budgets": counts})
    assert with_biases.verdict == Verdict.ONLY_WHEN
    assert "82,944" in with_biases.condition
    without = {"budgets": counts | {"biases of the same layers": 0}}
    assert finding(claim, tmp_path, "rocoft", without).verdict == Verdict.HOLDS
    others = {"budgets": counts | {"3 rows of each weight": 300_000}}
    assert finding(claim, tmp_path, "rocoft", others).verdict == Verdict.FAILS


def test_lora_has_the_reported_count_with_a_classifier(tmp_path: Path) -> None:
    counts = {"3 rows of each weight": 248_832, "LoRA, rank 8, query and value": 294_912}
    with_classifier = {"LoRA, rank 8, query and value, with the classifier": 887_042}
    claim = fewer_parameters_than_lora
    assert finding(claim, tmp_path, "rocoft", {"budgets": counts}).verdict == Verdict.FAILS
    both = finding(claim, tmp_path, "rocoft", {"budgets": counts | with_classifier})
    assert both.verdict == Verdict.ONLY_WHEN
    assert both.value == pytest.approx(294_912 / 248_832)
    alone = {"budgets": counts | {"LoRA, rank 8, all weights": 890_000}}
    assert finding(claim, tmp_path, "rocoft", alone).verdict == Verdict.HOLDS


def test_a_kernel_is_near_where_it_beats_chance(tmp_path: Path) -> None:
    claim = kernel_of_a_few_is_near
    assert finding(claim, tmp_path, "rocoft", distances(first=0.1), layer_count=3).verdict == Verdict.HOLDS
    far = finding(claim, tmp_path, "rocoft", distances(first=0.9), layer_count=3)
    assert far.verdict == Verdict.FAILS
    assert far.value == pytest.approx(1.8)
    assert (
        far.condition
        == "the centred distance itself is 0.9 for the first 3 rows and 0.9 for the first 3 columns"
    )
    mixed = distances(first=0.1)
    mixed["distances"][0]["none"], mixed["distances"][1] = 0.9, distances(first=0.9)["distances"][1]
    said = finding(claim, tmp_path, "rocoft", mixed, layer_count=3)
    assert said.verdict == Verdict.ONLY_WHEN
    assert said.condition.startswith("rows are chosen and the kernels are scaled to one trace")


def test_rules_differ_by_the_distance_of_their_kernels(tmp_path: Path) -> None:
    claim = any_choice_has_about_the_same_kernel
    alike = distances(first=0.1, last=0.11, random=0.12)
    assert finding(claim, tmp_path, "rocoft", alike, layer_count=3).verdict == Verdict.HOLDS
    apart = distances(first=0.1, last=0.3, random=0.12, gradient=9.0)
    said = finding(claim, tmp_path, "rocoft", apart, layer_count=3)
    assert said.verdict == Verdict.FAILS
    assert said.value == pytest.approx(3.0)  # a rule that is not the paper's does not count


def test_rules_differ_by_what_they_learn(tmp_path: Path) -> None:
    claim, name = any_choice_learns_about_as_well, "selection.cpu"
    rules = {("rows", "first"): 0.7, ("rows", "random"): 0.7, ("rows", "wanda"): 0.701}
    assert finding(claim, tmp_path, name, selection("training", rules)).verdict == Verdict.HOLDS
    one_off = rules | {("rows", "wanda"): 0.6}
    assert finding(claim, tmp_path, name, selection("training", one_off)).verdict == Verdict.FAILS
    not_theirs = rules | {("rows", "gradient, least"): 0.6}
    assert finding(claim, tmp_path, name, selection("training", not_theirs)).verdict == Verdict.HOLDS


def test_regression_is_held_against_all_weights(tmp_path: Path) -> None:
    claim, name = regression_is_about_as_accurate, "selection.cpu"
    kinds = {("full", "all"): 0.7, ("rows", "first"): 0.699, ("columns", "first"): 0.701}
    # Draws of the first ones must differ, or there is no interval.
    data = selection("regression", kinds)
    for row in data["rows"]:
        row["score"] += NOISE[row["draw"]] if row["kind"] == "full" else 0.0
    assert finding(claim, tmp_path, name, data).verdict == Verdict.HOLDS
    for row in data["rows"]:
        row["score"] -= 0.1 if row["kind"] != "full" else 0.0
    assert finding(claim, tmp_path, name, data).verdict == Verdict.FAILS


def test_the_worse_of_two_kinds_must_be_worse_for_both(tmp_path: Path) -> None:
    claim, name = regression_is_about_as_accurate, "selection.cpu"
    kinds = {("full", "all"): 0.7, ("rows", "first"): 0.67, ("columns", "first"): 0.629}
    data = selection("regression", kinds)
    off = (0.04, -0.04, 0.04, -0.04, 0.0)
    for row in data["rows"]:
        row["score"] += 0 if row["kind"] == "full" else off[row["draw"]]
    said = finding(claim, tmp_path, name, data)
    # At 95 % all of it is below a gap of 2 points; at the 97.5 % of each of two it is not.
    assert interval([-0.071 + each for each in off])[2] < -0.02 < (said.high or 0)
    assert said.verdict == Verdict.OPEN
    assert said.value == pytest.approx(-0.071)
    assert said.spread == "97.5 % interval over 5 draws"
    for row in data["rows"]:
        row["score"] -= 0 if row["kind"] == "full" else 0.02
    assert finding(claim, tmp_path, name, data).verdict == Verdict.FAILS


def test_rows_and_columns_against_lora(tmp_path: Path) -> None:
    claim, name = as_good_as_lora, "methods.cpu"
    level = finding(claim, tmp_path, name, methods({"LoRA": 0.75, "rows 3": 0.75, "columns 3": 0.76}))
    assert level.verdict == Verdict.HOLDS
    assert level.spread == "97.5 % interval over 5 draws of 1 task"
    behind = methods({"LoRA": 0.75, "rows 3": 0.65, "columns 3": 0.66})
    assert finding(claim, tmp_path, name, behind).verdict == Verdict.FAILS
    mixed = finding(claim, tmp_path, name, methods({"LoRA": 0.75, "rows 3": 0.75, "columns 3": 0.6}))
    assert mixed.verdict == Verdict.ONLY_WHEN
    assert mixed.condition.startswith("rows are trained (does not hold: columns are trained); rows 0.0")
    assert ", columns \N{MINUS SIGN}0.15" in mixed.condition


def test_more_rows_than_three(tmp_path: Path) -> None:
    claim, name = three_are_enough, "methods.cpu"
    assert finding(claim, tmp_path, name, methods({"rows 3": 0.7, "rows 10": 0.7})).verdict == Verdict.HOLDS
    assert (
        finding(claim, tmp_path, name, methods({"rows 3": 0.7, "rows 4": 0.7})).verdict == Verdict.ONLY_WHEN
    )
    assert finding(claim, tmp_path, name, methods({"rows 3": 0.7, "rows 4": 0.8})).verdict == Verdict.FAILS
    wide = methods({"rows 3": 0.7, "rows 8": 0.695, "rows 10": 0.7})
    for place, row in enumerate(row for row in wide["rows"] if row["method"] == "rows 8"):
        row["test_score"] += 0.05 * (-1) ** place
    # That of the best number lies under 2 points, that of another reaches over.
    assert finding(claim, tmp_path, name, wide).verdict == Verdict.OPEN


def test_costs_within_a_round(tmp_path: Path) -> None:
    claim, name = cheaper_than_lora, "benchmark_training.cpu"
    assert finding(claim, tmp_path, name, benchmark(0.9, 0.8)).verdict == Verdict.HOLDS
    assert finding(claim, tmp_path, name, benchmark(1.2, 1.1)).verdict == Verdict.FAILS
    said = finding(claim, tmp_path, name, benchmark(0.9, 1.1))
    assert said.verdict == Verdict.ONLY_WHEN
    assert said.value == pytest.approx(1.1)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_nothing_is_said_without_a_record(claim: Claim, tmp_path: Path) -> None:
    assert judged(claim, Evidence(tmp_path, tmp_path)).verdict == Verdict.NOT_RUN
    for name in ("rocoft", "selection.cpu", "methods.cpu", "benchmark_training.cpu"):
        assert finding(claim, tmp_path, name, {}, layer_count=3).verdict == Verdict.NOT_RUN
