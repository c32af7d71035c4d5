"""Each claim on a made record that bears it out, on one that does not, and on an empty one."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lintune import theory
from lintune.claims import Claim, Evidence, Finding, Known, Verdict, judged
from lintune.claims.linearization import (
    CLAIMS,
    accuracy_cost,
    added_layers,
    bounds,
    lora,
    predicts,
    ridge_path,
    selective,
    steepness,
    strong_pull,
)
from lintune.studies.predictors import OUTCOMES, PREDICTORS
from lintune.studies.strengths import BOUNDS
from tests.claims.made import finding

Judge = Callable[..., Finding]
TRAINED, ACCURATE = (
    predicts.condition_number_predicts_training_loss,
    predicts.condition_number_predicts_accuracy,
)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judge a claim by one made record, of a chapter or a reference grid alike."""

    def by(claim: Claim, name: str, data: Mapping[str, Any]) -> Finding:
        return finding(claim, tmp_path, name, data)

    return by


def run(drift: float, losses: list[float], pulled: bool) -> dict[str, list[float] | list[bool]]:
    return {"drift": [0.0, drift / 2, drift], "loss": losses, "pulled": [True, pulled, pulled]}


def near(selective: float = 0.2, losses: tuple[float, ...] = (3.0, 2.0, 1.0), acts: bool = True) -> Any:
    free, always = run(1.0, [3.0, 2.0, 1.0], False), run(0.2, [3.0, 2.5, 2.0], True)
    pulls = {"always": [always], "selective": [run(selective, list(losses), acts)]}
    return {"drifts": {"none": free, **pulls}, "acting": [{"rises": None, "acts": 1, "steps": 2}]}


def test_a_loss_that_rises_refutes_the_selective_pull(judge: Judge) -> None:
    claim = selective.loss_never_rises_under_the_selective_pull
    short = judge(claim, "staying_near", near())
    assert short.verdict is Verdict.ONLY_WHEN
    assert short.condition.endswith("counter-example; the pull acted in 1 of 1 updates")
    assert judge(claim, "staying_near", near(losses=(3.0, 2.0, 2.1))).verdict is Verdict.FAILS
    found = judge(claim, "staying_near", near(acts=False))
    assert found.verdict is Verdict.OPEN
    assert found.condition == "the pull acted in 0 of 1 updates"


def test_a_selective_pull_must_hold_as_much_as_half_of_the_one_always_on(judge: Judge) -> None:
    claim = selective.selective_pull_holds_the_weights
    assert judge(claim, "staying_near", near(selective=0.3)).verdict is Verdict.HOLDS
    found = judge(claim, "staying_near", near(selective=0.96))
    assert found.verdict is Verdict.FAILS
    assert found.value == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("projection", "penalty", "verdict"),
    [(0.8, 0.5, Verdict.HOLDS), (1.1, 2.0, Verdict.FAILS), (0.9, 2.0, Verdict.OPEN)],
)
def test_an_anchor_is_held_against_no_pull(
    judge: Judge, projection: float, penalty: float, verdict: Verdict
) -> None:
    moved = {"no pull": 1.0, "projection to zero": projection, "penalty to zero": penalty}
    data = {"anchored": {name: {"moved": [0.0, end]} for name, end in moved.items()}}
    assert judge(lora.an_anchor_at_zero_keeps_lora_near, "staying_near", data).verdict is verdict


@pytest.mark.parametrize(("drawn", "verdict"), [(8.0, Verdict.HOLDS), (1.0, Verdict.FAILS)])
def test_random_directions_are_held_against_training(judge: Judge, drawn: float, verdict: Verdict) -> None:
    bending = {
        "direction": ["", "random 0", "random 1", "training"],
        "radius": [0.0, 1.0, 1.0, 1.0],
        "curvature": [0.0, 0.5, drawn, 10.0],
    }
    data = {"steepness": {"bending": bending}}
    assert judge(steepness.random_models_show_the_local_constants, "staying_near", data).verdict is verdict


def modes(loss: list[float], difference: float = 1e-6) -> dict[str, Any]:
    linear = {"loss": loss, "difference": difference, "other_difference": 1e-6}
    shares = {"eigenvalues": [4.0, 1.0], "shares": [0.5, 0.5]}
    return {"runs": [{"closed": {"strength": 0.0, "step": 0.25}, "linear": linear}], "modes": shares}


def test_the_closed_form_must_be_met_up_to_rounding(judge: Judge) -> None:
    claim = ridge_path.proximal_training_is_kernel_ridge_regression
    assert judge(claim, "proximal_is_ridge", modes([1.0])).verdict is Verdict.HOLDS
    assert judge(claim, "proximal_is_ridge", modes([1.0], difference=0.01)).verdict is Verdict.FAILS


def test_modes_must_tell_the_loss(judge: Judge) -> None:
    claim = ridge_path.the_target_is_learnt_mode_by_mode
    told = [1.0, 0.5 * 0.75**2, 0.5 * 0.75**4]  # the first mode is learnt in one step of 1 / 4
    assert judge(claim, "proximal_is_ridge", modes(told)).verdict is Verdict.HOLDS
    assert judge(claim, "proximal_is_ridge", modes([1.0, 0.5, 0.25])).verdict is Verdict.FAILS


def pulled(power: float = -2.0, over: float = 0.5, share: float = 0.01, **extra: Any) -> dict[str, Any]:
    """Make runs whose gap falls by a power of the pull, from a share of the drift on."""
    rows = []
    for task in ("a", "b"):
        for relative in (10.0, 100.0):
            drift = 1 / relative
            measured = {"drift": drift, "gap": share * drift * (relative / 10) ** (power + 1)}
            measured |= dict.fromkeys(("train_gap", "linearisation_error"), drift**2)
            limits = {bound: measured[name] / over for name, bound in BOUNDS.items()}
            known = {"task": task, "method": "m", "relative": relative, "strength": relative}
            flags = {"diverged": False, "settled": True, "rounding": 0.0}
            rows.append(known | flags | measured | limits | extra)
    return {"rows": rows}


@pytest.mark.parametrize(
    "claim", [bounds.drift_stays_under_its_bound, bounds.gap_to_the_linear_run_stays_under_its_bound]
)
def test_a_bound_holds_until_it_is_broken(judge: Judge, claim: Claim) -> None:
    found = judge(claim, "bounds.cpu", pulled())
    assert found.verdict is Verdict.HOLDS
    assert found.value == pytest.approx(0.5)
    assert judge(claim, "bounds.cpu", pulled(over=2.0)).verdict is Verdict.FAILS
    assert judge(claim, "bounds.cpu", pulled(settled=False)).verdict is Verdict.NOT_RUN


def test_slopes_must_be_those_of_the_powers(judge: Judge) -> None:
    claim = strong_pull.distances_fall_like_powers_of_the_pull
    found = judge(claim, "bounds.cpu", pulled())
    assert found.verdict is Verdict.HOLDS
    assert found.value == pytest.approx(-2)
    assert judge(claim, "bounds.cpu", pulled(power=-1.0)).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.01, Verdict.HOLDS), (0.5, Verdict.ONLY_WHEN), (5.0, Verdict.FAILS)]
)
def test_close_to_linear_from_some_pull_on(judge: Judge, share: float, verdict: Verdict) -> None:
    found = judge(strong_pull.a_pull_keeps_fine_tuning_close_to_linear, "bounds.cpu", pulled(share=share))
    assert found.verdict is verdict
    assert ("at least 100 times" in found.condition) == (verdict is Verdict.ONLY_WHEN)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.2, 0.2), Verdict.HOLDS),
        ((0.2, -0.1), Verdict.ONLY_WHEN),
        ((-0.1, -0.1), Verdict.FAILS),  # the other draws choose the most linear strength themselves
    ],
)
def test_what_the_most_linear_strength_costs(
    judge: Judge, gains: tuple[float, float], verdict: Verdict
) -> None:
    rows = [
        {"task": f"t{task}", "method": "m", "seed": seed, "relative": relative, "diverged": False}
        | {"test_accuracy": 0.5 + gain * (relative < 1), "test_gap": 1 / relative}
        for task, gain in enumerate(gains)
        for seed in range(3)
        for relative in (0.1, 10.0)
    ]
    claim = accuracy_cost.the_most_linear_strength_costs_accuracy
    found = judge(claim, "strengths.cpu", {"rows": rows})
    assert found.verdict is verdict
    assert found.condition == ("t0 with m" if verdict is Verdict.ONLY_WHEN else "")
    alone = {"rows": [row for row in rows if row["seed"] == 0]}
    assert judge(claim, "strengths.cpu", alone).verdict is Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("power", "noise", "verdict"),
    [
        (-0.5, 0.05, Verdict.HOLDS),
        (-0.6, 0.02, Verdict.HOLDS),
        (-0.5, 0.2, Verdict.OPEN),
        (-0.3, 1.0, Verdict.OPEN),
        (-1.5, 0.05, Verdict.FAILS),
        (-0.2, 0.05, Verdict.FAILS),
    ],
)
def test_a_projection_errs_by_the_root_of_the_rank(
    judge: Judge, power: float, noise: float, verdict: Verdict
) -> None:
    rows = [
        {"rank": rank, "seed": seed, "error": rank ** (power + noise * (seed - 1))}
        for rank in (2, 8, 32)
        for seed in (0, 1, 2)
    ]
    claim = lora.lora_kernel_is_a_projection_of_the_full_one
    assert judge(claim, "lora_coordinates", {"projections": rows}).verdict is verdict
    assert judge(claim, "lora_coordinates", {"projections": rows[:2]}).verdict is Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("factors", "verdict"),
    [
        ({16.0: 0.05, 256.0: 0.01}, Verdict.HOLDS),
        ({16.0: 0.4, 256.0: 0.05}, Verdict.ONLY_WHEN),
        ({16.0: 0.05, 256.0: 0.4}, Verdict.OPEN),
        ({16.0: 0.4, 256.0: 0.4}, Verdict.FAILS),
    ],
)
def test_the_kernel_of_the_factors_describes_lora_from_some_scale_on(
    judge: Judge, factors: dict[float, float], verdict: Verdict
) -> None:
    races = [
        {"alpha": alpha, "seed": 0, "moved": [0.0, 1.0], "kernel": {}}
        | {"gap": {"factors": [0.0, gap], "product": [0.0, 0.001], "held": [0.0, gap]}}
        for alpha, gap in factors.items()
    ]
    found = judge(lora.the_kernel_of_the_factors_describes_lora, "lora_coordinates", {"races": races})
    assert found.verdict is verdict
    assert found.condition.startswith("α is at least 256") == (verdict is Verdict.ONLY_WHEN)


def grid(follows: str, sign: float, tasks: int = 3) -> dict[str, Any]:
    """Make configurations whose outcomes follow one predictor; all but the size are shuffled."""
    rng, rows = np.random.default_rng(0), []
    for task in range(tasks):
        size = np.arange(12.0)
        known = {name: rng.permutation(size) for name in PREDICTORS} | {"parameters": size}
        if follows == "parameters":  # the condition number knows no more than the size
            known["condition number"] = -size
        outcome = {name: known[follows] * sign * (-1 if "acc" in name else 1) for name in OUTCOMES}
        rows += [
            {name: float(column[at]) for name, column in (known | outcome).items()}
            | {"task": f"t{task}", "seed": 0}
            for at in range(12)
        ]
    return {"rows": rows}


@pytest.mark.parametrize("claim", [TRAINED, ACCURATE])
def test_the_condition_number_is_held_against_the_number_of_parameters(judge: Judge, claim: Claim) -> None:
    assert judge(claim, "predictors.cpu", grid("condition number", 1.0)).verdict is Verdict.HOLDS
    assert judge(claim, "predictors.cpu", grid("condition number", -1.0)).verdict is Verdict.FAILS
    assert judge(claim, "predictors.cpu", grid("trace", 1.0)).verdict is Verdict.OPEN
    found = judge(claim, "predictors.cpu", grid("parameters", -1.0))
    assert found.verdict is Verdict.ONLY_WHEN
    assert "left out of account; given it, the correlation is" in found.condition
    assert judge(claim, "predictors.cpu", grid("trace", 1.0, tasks=1)).verdict is Verdict.NOT_RUN


@pytest.mark.parametrize(("low", "turned"), [(-0.7, True), (-0.7, False)])
def test_a_relation_that_turns_round_is_said_to(low: float, turned: bool) -> None:
    high = -0.3 if turned else 0.1
    row = {"expected": 1.0, "partial": -0.5, "partial low": low, "partial high": high}
    said = predicts._beside("not beyond the number of parameters", row, 0.4)
    assert ("the relation turns round: -0.50 (-0.70 to -0.30)" in said) == turned


def added(broken: int = 0, rises: int = 1, objective: float = 0.9) -> dict[str, Any]:
    tightness = {"cases": {"b": 10}, "broken": {"b": broken}, "closest": {"b": 1.0}, "median": {"b": 2.0}}
    task = {
        "tightness": tightness,
        "growths": {"up": [{"objective": {"ratio": objective}}]},
        "single_layers": {"labels": {"cases": 5, "rises": 0}},
    }
    random = {"tightness": tightness, "rises": {"cases": 100, "residual": rises, "objective": 0}}
    return {"tasks": {"t": task}, "random": random}


def test_bounds_on_added_layers_hold_until_one_is_broken(judge: Judge) -> None:
    claim = added_layers.adding_layers_stays_within_the_bounds
    assert judge(claim, "adding_layers", added()).verdict is Verdict.HOLDS
    found = judge(claim, "adding_layers", added(broken=1))
    assert (found.verdict, found.value, found.condition) == (Verdict.FAILS, 2, "of 20")


def test_the_objective_may_not_rise_and_a_residual_must(judge: Judge) -> None:
    claim = added_layers.adding_lowers_the_objective_but_can_raise_the_residual
    assert judge(claim, "adding_layers", added()).verdict is Verdict.HOLDS
    assert judge(claim, "adding_layers", added(rises=0)).verdict is Verdict.OPEN
    assert judge(claim, "adding_layers", added(objective=1.1)).verdict is Verdict.FAILS


def test_the_reported_bound_is_above_the_true_ratio(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = added_layers.the_residual_bound_needs_no_condition
    found = judge(claim, "adding_layers", {})
    assert found.verdict is Verdict.FAILS
    assert found.value == pytest.approx(0.4)
    monkeypatch.setattr(theory, "residual_ratio_range", lambda *_: (11.0, 11.0))
    assert judge(claim, "adding_layers", {}).verdict is Verdict.HOLDS


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_nothing_is_judged_by_empty_records(judge: Judge, tmp_path: Path, claim: Claim) -> None:
    wanted = Verdict.FAILS if claim is added_layers.the_residual_bound_needs_no_condition else Verdict.NOT_RUN
    assert judged(claim, Evidence(tmp_path, tmp_path)).verdict is wanted
    for name in (claim.chapter, "bounds.cpu", "strengths.cpu", "predictors.cpu"):
        found = judge(claim, name, {})
    assert found.verdict is wanted


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_claim_names_a_section_and_says_what_is_ours(claim: Claim) -> None:
    chapter = Path(f"notebooks/{claim.chapter}.md").read_text(encoding="utf-8")
    assert re.search(rf"^#+ {re.escape(claim.section)}$", chapter, re.MULTILINE)
    said = ("Reconstructed", "Proved here", "(by us)", "our bounds")
    ours = any(words in claim.statement for words in said)
    assert claim.statement.startswith("Implied: ") == (claim.known is Known.IMPLIED)
    assert ours == (claim.known is Known.OURS)
    assert claim.known is not Known.TEXT  # the paper's text was not open to us
    assert "$" not in claim.statement
