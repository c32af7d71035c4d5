"""Each claim on a made record that bears it out, on one that does not, and on an empty one."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lintune.claims import Claim, Evidence, Finding, Verdict, judged
from lintune.claims.kernel_view import (
    CLAIMS,
    adam,
    lora,
    properties,
    scores,
    start,
    steps,
)
from lintune.studies.behaviour import ASYMMETRIC, HEAD, KERNELS, PROMPT
from tests.claims.made import finding

Judge = Callable[..., Finding]
GRID, STEPS, LORA = "behaviour_16.cpu", "optimiser_kernels", "lora_keeps_kernel"


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judge a claim by one made record, of a chapter or a reference grid alike."""

    def by(claim: Claim, name: str, data: Mapping[str, Any]) -> Finding:
        each = {"test_examples": 100, "solver_tests": 100}
        return finding(claim, tmp_path, name, data, **({"part": each} if name == GRID else each))

    return by


def grid(
    tasks: Sequence[str] = ("one", "two"),
    zero: Mapping[str, float] | float = 0.5,
    chi: float = 0.2,
    tuned: float = 0.9,
    linear: float = 0.9,
    kernel: float = 0.9,
    head: float = 0.7,
    change: float = 0.1,
    carries: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return rows of a grid in which a head ends at 0.9, with its kernel at `head`."""
    rows: list[dict[str, Any]] = []
    told = carries or {name: 0.9 if name == ASYMMETRIC else 0.5 for name in KERNELS}
    empty = dict.fromkeys(("function", "seed", "optimiser", "kernel", "chi", "chi_held_out", "kernel_drift"))
    for task in tasks:
        first = zero if isinstance(zero, float) else zero[task]
        rows += [{"way": way, "score": 0.5} | {"task": task} for way in ("chance", "majority")]
        for seed in (13, 21, 42):
            near, far = ({"task": task, "seed": seed, "function": name} for name in (PROMPT, HEAD))
            size = {"chi": chi, "chi_held_out": chi}
            rows += [
                near | size | {"way": "zero-shot", "score": first},
                near | {"way": "zero-shot, calibrated", "score": 0.5},
                far | size | {"way": "linear probe", "score": 0.6},
                far | {"way": "fine-tuned", "optimiser": "sgd", "score": 0.9, "kernel_drift": 0.0},
                far | {"way": "kernel", "kernel": KERNELS[0], "score": head},
            ]
            for optimiser in ("sgd", "adam"):
                run = near | {"optimiser": optimiser}
                rows.append(run | {"way": "fine-tuned", "score": tuned, "kernel_drift": change})
                rows.append(run | {"way": "linearised", "score": linear})
            for name in KERNELS:
                wiggle = {"carries fine-tuned, adam": told[name] + seed / 10_000}
                rows.append(near | wiggle | {"way": "kernel", "kernel": name, "score": kernel})
    return {"rows": [empty | row for row in rows]}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "data", [None, {}, {"rows": [], "runs": [], "pairs": [], "errors": [], "gradients": 4}]
)
def test_a_claim_without_its_record_is_not_run(
    claim: Claim, data: dict[str, Any] | None, judge: Judge, tmp_path: Path
) -> None:
    for name in (GRID, STEPS, LORA) if data is not None else ():
        found = judge(claim, name, data)
    if data is None:
        found = judged(claim, Evidence(tmp_path, tmp_path))
    assert found.verdict is Verdict.NOT_RUN
    assert found.condition


@pytest.mark.parametrize(
    ("claim", "made", "expected"),
    [
        (start.output_derivative_is_small, {}, Verdict.HOLDS),
        (start.output_derivative_is_small, {"chi": 0.6}, Verdict.FAILS),
        (start.prompt_is_nearer_its_kernel, {}, Verdict.HOLDS),
        (start.prompt_is_nearer_its_kernel, {"kernel": 0.4}, Verdict.FAILS),
        (start.prompt_is_nearer_its_kernel, {"kernel": 0.7}, Verdict.OPEN),
        (start.prompt_is_nearer_its_kernel, {"tasks": ["one"]}, Verdict.NOT_RUN),
        (properties.kernel_solves_the_task, {}, Verdict.HOLDS),
        (properties.kernel_solves_the_task, {"kernel": 0.6}, Verdict.FAILS),
        (properties.kernel_solves_the_task, {"tuned": 0.5, "kernel": 0.5}, Verdict.NOT_RUN),
        (properties.linearised_model_recovers, {}, Verdict.HOLDS),
        (properties.linearised_model_recovers, {"linear": 0.6}, Verdict.FAILS),
        (properties.linearised_model_recovers, {"tuned": 0.54}, Verdict.NOT_RUN),
        (properties.features_stay_fixed, {}, Verdict.HOLDS),
        (properties.features_stay_fixed, {"change": 2.5}, Verdict.FAILS),
        (properties.kernel_behaviour_shows, {}, Verdict.HOLDS),
        (properties.kernel_behaviour_shows, {"linear": 0.6}, Verdict.FAILS),
        (properties.kernel_behaviour_shows, {"zero": {"one": 0.5, "two": 0.9}}, Verdict.ONLY_WHEN),
        (scores.fine_tuning_beats_kernel_on_nli, {"tasks": ["snli"], "kernel": 0.8}, Verdict.HOLDS),
        (scores.fine_tuning_beats_kernel_on_nli, {"tasks": ["snli"], "kernel": 0.95}, Verdict.FAILS),
        (scores.fine_tuning_beats_kernel_on_nli, {"tasks": ["snli"], "tuned": 0.5}, Verdict.OPEN),
        (scores.fine_tuning_beats_kernel_on_nli, {}, Verdict.NOT_RUN),
        (adam.asymmetric_kernel_carries_adam, {}, Verdict.HOLDS),
        (adam.asymmetric_kernel_carries_adam, {"carries": dict.fromkeys(KERNELS, 0.5)}, Verdict.OPEN),
        (
            adam.asymmetric_kernel_carries_adam,
            {"carries": {name: 0.5 if name == ASYMMETRIC else 0.9 for name in KERNELS}},
            Verdict.FAILS,
        ),
    ],
)
def test_the_grid_decides(claim: Claim, made: dict[str, Any], expected: Verdict, judge: Judge) -> None:
    assert judge(claim, GRID, grid(**made)).verdict is expected


@pytest.mark.parametrize("claim", [properties.kernel_solves_the_task, properties.linearised_model_recovers])
def test_where_one_network_learnt_nothing_it_holds_only_for_the_others(claim: Claim, judge: Judge) -> None:
    first, second = grid(["one"])["rows"], grid(["two"], tuned=0.5, kernel=0.5, linear=0.5)["rows"]
    found = judge(claim, GRID, {"rows": first + second})
    assert found.verdict is Verdict.ONLY_WHEN
    assert found.condition.startswith("2 of 4 pairs of task and optimiser; in the others ")


def test_tasks_without_an_answer_are_named(judge: Judge) -> None:
    found = judge(properties.kernel_behaviour_shows, GRID, grid(zero={"one": 0.5, "two": 0.9}))
    assert "open on two" in found.condition


def followed(off: float, optimiser: str = "sgd", order: float = 2.0) -> dict[str, Any]:
    """Return runs whose steps are predicted with a relative error, and first steps of an order."""
    moved = np.random.default_rng(0).normal(size=(3, 4, 1))
    rates = np.geomspace(1e-6, 1e-2, 6)
    first = [
        {"optimiser": optimiser, "rate": rate, "error": rate**order, "change": 10 * rate} for rate in rates
    ]
    common = {"optimiser": optimiser, "rate": 0.1, "measured": moved}
    told = {"sgd": moved * (1 + off), "signgd": moved * (1 + off)}
    one, every = (
        common | {"batch": batch, "seed": seed, "predicted": told} for batch, seed in ((1, 0), (8, 1))
    )
    return {"runs": [one, every], "first_steps": {"a model": first}}


@pytest.mark.parametrize("optimiser", ["sgd", "signgd"])
def test_a_step_is_what_its_kernel_says(optimiser: str, judge: Judge) -> None:
    claim = steps.sgd_steps_by_its_kernel if optimiser == "sgd" else steps.signgd_steps_by_its_kernel
    assert judge(claim, STEPS, followed(0.01, optimiser)).verdict is Verdict.HOLDS
    assert judge(claim, STEPS, followed(0.3, optimiser)).verdict is Verdict.ONLY_WHEN
    assert judge(claim, STEPS, followed(0.9, optimiser)).verdict is Verdict.FAILS
    assert judge(claim, STEPS, followed(0.01, optimiser, order=1.5)).verdict is Verdict.FAILS


def test_adam_is_signgd_where_its_steps_are(judge: Judge) -> None:
    right, wrong = followed(0.01, "adam"), followed(2.0, "adam")
    assert judge(adam.adam_starts_as_signgd, STEPS, right).verdict is Verdict.HOLDS
    assert judge(adam.adam_starts_as_signgd, STEPS, wrong).verdict is Verdict.FAILS
    mixed = judge(adam.adam_starts_as_signgd, STEPS, {"runs": [wrong["runs"][0], right["runs"][1]]})
    assert mixed.verdict is Verdict.ONLY_WHEN
    assert "all texts in a step" in mixed.condition


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ((0.01, 0.01), Verdict.HOLDS),
        ((0.2, 0.2), Verdict.FAILS),
        ((-0.1, -0.11), Verdict.FAILS),
        ((0.0, 0.03), Verdict.OPEN),
        ((0.01,), Verdict.OPEN),  # five points of standard error say nothing of two points
        ((0.2,), Verdict.FAILS),
    ],
)
def test_solvers_are_held_against_two_points(
    gains: tuple[float, ...], expected: Verdict, judge: Judge
) -> None:
    row: dict[str, Any] = {"task": "one", "kernel": "SGD"}
    pairs = [
        row | {"solver": solver, "seed": seed, "accuracy": 0.7 + gain * (solver == "least squares")}
        for solver in ("least squares", "logistic")
        for seed, gain in enumerate(gains)
    ]
    assert judge(scores.solvers_are_interchangeable, STEPS, {"pairs": pairs}).verdict is expected


@pytest.mark.parametrize(("tasks", "expected"), [(1, Verdict.HOLDS), (6, Verdict.OPEN)])
def test_solvers_on_many_tasks_are_held_against_wider_intervals(
    tasks: int, expected: Verdict, judge: Judge
) -> None:
    gains = (0.006, -0.006, 0.006, -0.006)  # ±1.1 points at 95 %, ±2.2 at that of each of six
    pairs = [
        {"task": f"task {task}", "kernel": "SGD", "solver": solver, "seed": seed}
        | {"accuracy": 0.7 + gain * (solver == "least squares")}
        for task in range(tasks)
        for solver in ("least squares", "logistic")
        for seed, gain in enumerate(gains)
    ]
    found = judge(scores.solvers_are_interchangeable, STEPS, {"pairs": pairs})
    assert found.verdict is expected
    assert found.spread == f"{'95' if tasks == 1 else '99.2'} % interval over 4 draws"


@pytest.mark.parametrize(
    ("ranks", "beyond", "expected"),
    [
        ((1024,), False, Verdict.HOLDS),
        ((16, 1024), False, Verdict.ONLY_WHEN),
        ((16,), False, Verdict.OPEN),
        ((16,), True, Verdict.FAILS),
    ],
)
def test_the_tail_speaks_from_a_rank_on(
    ranks: tuple[int, ...], beyond: bool, expected: Verdict, judge: Judge
) -> None:
    errors = [{"rank": rank, "worst": 0.1, "beyond": beyond} for rank in ranks] * 4
    found = judge(lora.lora_tail_covers, LORA, {"errors": errors, "gradients": 24})
    assert found.verdict is expected
    assert ("nothing at any rank drawn" in found.condition) == (16 in ranks and 1024 not in ranks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.8, 0.8, Verdict.HOLDS),
        (0.6, 0.8, Verdict.ONLY_WHEN),
        (0.8, 0.6, Verdict.OPEN),
        (0.6, 0.6, Verdict.FAILS),
    ],
)
def test_loras_regression_is_held_against_the_weights(
    low: float, high: float, expected: Verdict, judge: Judge
) -> None:
    rows: list[dict[str, Any]] = [
        {"kernel": "weights", "rank": None, "accuracy": 0.8, "same": 1.0},
        {"kernel": "zero-shot", "rank": None, "accuracy": 0.5, "same": 0.5},
    ]
    for rank, score in ((1, low), (8, high)):
        rows += [{"kernel": "lora", "rank": rank, "accuracy": score, "same": 0.9}] * 2
    claim = lora.lora_kernel_regression_is_as_good
    assert judge(claim, LORA, {"regressions": rows}).verdict is expected
    single = [row for place, row in enumerate(rows) if place in (0, 1, 2, 4)]
    wide = {Verdict.HOLDS: Verdict.OPEN, Verdict.ONLY_WHEN: Verdict.OPEN}
    assert judge(claim, LORA, {"regressions": single}).verdict is wide.get(expected, expected)
    nothing = [row | {"accuracy": 0.5} for row in rows]
    assert judge(claim, LORA, {"regressions": nothing}).verdict is Verdict.NOT_RUN
