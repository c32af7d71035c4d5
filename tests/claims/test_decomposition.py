"""Each claim of Si et al. holds on one made record and not on another."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lintune.claims import Claim, Evidence, Verdict, judged
from lintune.claims.decomposition import CLAIMS, identities
from lintune.claims.decomposition.budget import printed_budgets_come_out
from lintune.claims.decomposition.dora import dora_is_better_than_lora
from lintune.claims.decomposition.forms import form_shapes_training, freer_forms_match_better
from lintune.claims.decomposition.identities import (
    best_scale_is_the_projection,
    column_space_scaling_keeps_directions,
)
from lintune.claims.decomposition.order import forms_have_their_order_here, forms_have_their_order_in_print
from lintune.claims.decomposition.patterns import nonlinear_pattern_is_the_parallel_adapter, patterns_help
from lintune.claims.decomposition.scalings import (
    scalings_have_the_printed_order,
    singular_values_stay_far_behind,
)
from lintune.studies.decomposition import printed
from tests.claims.made import finding, methods

# They stand on algebra, or on what the paper prints, alone.
WITHOUT_RECORD = (
    column_space_scaling_keeps_directions,
    best_scale_is_the_projection,
    forms_have_their_order_in_print,
    nonlinear_pattern_is_the_parallel_adapter,
)


def budget(per_mille: float, low: float, high: float) -> dict[str, Any]:
    row = {"method": "IA3", "rank": 0, "printed": 0.442, "decimals": 3}
    return {"budgets": [row | {"per mille": per_mille, "low": low, "high": high}]}


def matched(**errors: float) -> dict[str, Any]:
    starts = (0.0, 0.001, 0.002)
    races = [
        {"layer": "q_proj", "form": form, "optimiser": optimiser, "rate": 0.1, "edge": False, "floor": 0.1}
        | {"errors": [[1.0] * 20 + [error + start] for start in starts]}
        for optimiser in ("gd", "adam")
        for form, error in errors.items()
    ]
    return {"matched": races}


def test_scaling_in_the_column_space_turns_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, nothing = column_space_scaling_keeps_directions, Evidence(tmp_path, tmp_path)
    assert claim.check(nothing).verdict == Verdict.HOLDS
    monkeypatch.setattr(identities, "_turned", lambda _: (0.1, 0.2))
    assert claim.check(nothing).verdict == Verdict.FAILS


def test_the_best_scale_is_what_a_solver_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, nothing = best_scale_is_the_projection, Evidence(tmp_path, tmp_path)
    assert claim.check(nothing).verdict == Verdict.HOLDS

    def without_norm(target: torch.Tensor, change: torch.Tensor) -> float:
        return float((target * change).sum())

    monkeypatch.setattr(identities, "best_scale", without_norm)
    assert claim.check(nothing).verdict == Verdict.FAILS


def test_budgets_are_rounded_counts(tmp_path: Path) -> None:
    claim, name = printed_budgets_come_out, "decomposition"
    assert finding(claim, tmp_path, name, budget(0.44237, 124.9e6, 125.2e6)).verdict == Verdict.HOLDS
    other = finding(claim, tmp_path, name, budget(0.45, 126.9e6, 127.2e6))
    assert other.verdict == Verdict.ONLY_WHEN
    assert "126.90 and 127.20 million" in other.condition
    assert finding(claim, tmp_path, name, budget(0.45, 127.2e6, 126.9e6)).verdict == Verdict.FAILS


def test_the_order_of_scalings(tmp_path: Path) -> None:
    claim, name = scalings_have_the_printed_order, "methods.cpu"
    ordered = {"SSB": 0.8, "IA3": 0.7, "SSL": 0.6, "singular values": 0.5}
    assert finding(claim, tmp_path, name, methods(ordered)).verdict == Verdict.HOLDS
    assert finding(claim, tmp_path, name, methods(ordered | {"SSL": 0.9})).verdict == Verdict.FAILS
    level = methods(dict.fromkeys(ordered, 0.7))
    assert finding(claim, tmp_path, name, level).verdict == Verdict.OPEN


def test_singular_values_behind_by_more_than_five_points(tmp_path: Path) -> None:
    claim, name = singular_values_stay_far_behind, "methods.cpu"
    alone = finding(claim, tmp_path, name, methods({"IA3": 0.8, "singular values": 0.7}))
    assert alone.verdict == Verdict.NOT_RUN
    late = {"late": {"late": {"moved": 0.0}}}
    assert finding(claim, tmp_path, "decomposition", late).verdict == Verdict.HOLDS
    near = finding(claim, tmp_path, name, methods({"IA3": 0.8, "singular values": 0.79}))
    assert near.verdict == Verdict.FAILS
    assert "is not trained at all" in near.condition


def test_forms_differ_by_more_than_their_starts(tmp_path: Path) -> None:
    claim, name = form_shapes_training, "decomposition"
    apart = matched(LoRA=0.3, TriLoRA=0.4, FLoRA=0.5)
    assert finding(claim, tmp_path, name, apart).verdict == Verdict.HOLDS
    alike = matched(LoRA=0.3, TriLoRA=0.3, FLoRA=0.301)
    assert finding(claim, tmp_path, name, alike).verdict == Verdict.FAILS
    one = {"matched": apart["matched"][:3] + alike["matched"][3:]}
    said = finding(claim, tmp_path, name, one)
    assert said.verdict == Verdict.ONLY_WHEN
    assert "1 of 1 layers under gradient descent" in said.condition
    for race in apart["matched"]:
        race["errors"] = race["errors"][:1]
    few = finding(claim, tmp_path, name, apart)
    assert few.verdict == Verdict.NOT_RUN
    assert "three starts" in few.condition


def test_the_freest_form_ends_nearest(tmp_path: Path) -> None:
    claim, name = freer_forms_match_better, "decomposition"
    freest = matched(LoRA=0.5, TriLoRA=0.4, FLoRA=0.3)
    assert finding(claim, tmp_path, name, freest).verdict == Verdict.HOLDS
    tied = matched(LoRA=0.3, TriLoRA=0.4, FLoRA=0.5)
    assert finding(claim, tmp_path, name, tied).verdict == Verdict.FAILS
    mixed = {"matched": freest["matched"][:3] + tied["matched"][3:]}
    said = finding(claim, tmp_path, name, mixed)
    assert said.verdict == Verdict.ONLY_WHEN
    assert said.condition.startswith("gradient descent is used")


def test_which_order_there_is_instead_is_said(tmp_path: Path) -> None:
    half, weak = matched(LoRA=0.3, TriLoRA=0.5, FLoRA=0.4), matched(LoRA=0.3, TriLoRA=0.301, FLoRA=0.5)
    races = {"matched": half["matched"][:3] + weak["matched"][3:]}
    said = finding(freer_forms_match_better, tmp_path, "decomposition", races)
    assert said.verdict == Verdict.FAILS
    assert said.condition == (
        "under Adam: LoRA, TriLoRA, FLoRA from nearest to farthest in every layer, nothing of it as "
        "suggested (closer than the starts: LoRA to TriLoRA in 1 of 1 layer); "
        "under gradient descent: LoRA, FLoRA, TriLoRA from nearest to farthest in every layer, "
        "with FLoRA before TriLoRA as suggested"
    )


def test_the_printed_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, nothing = forms_have_their_order_in_print, Evidence(tmp_path, tmp_path)
    said = claim.check(nothing)
    assert (said.verdict, said.value) == (Verdict.ONLY_WHEN, 4.0)
    lowest = {name: tuple((80.0,) * 4 for _ in range(3)) for name in ("LoRA",)}
    highest = {"FLoRA": tuple((99.0,) * 4 for _ in range(3))}
    monkeypatch.setattr(printed, "AVERAGES", {**printed.AVERAGES, **lowest, **highest})
    assert claim.check(nothing).verdict == Verdict.HOLDS
    monkeypatch.setattr(printed, "AVERAGES", {**printed.AVERAGES, "FLoRA": lowest["LoRA"]})
    assert claim.check(nothing).verdict == Verdict.FAILS


def test_the_order_here(tmp_path: Path) -> None:
    claim, name = forms_have_their_order_here, "methods.cpu"
    ordered = {"FLoRA": 0.9, "AdaLoRA": 0.8, "TriLoRA": 0.8, "LoRA": 0.7}
    assert finding(claim, tmp_path, name, methods(ordered)).verdict == Verdict.HOLDS
    assert finding(claim, tmp_path, name, methods(ordered | {"LoRA": 0.85})).verdict == Verdict.FAILS


def test_equal_rows_in_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, nothing = nonlinear_pattern_is_the_parallel_adapter, Evidence(tmp_path, tmp_path)
    assert claim.check(nothing).verdict == Verdict.HOLDS
    other = {**printed.AVERAGES, "PA": printed.AVERAGES["LoRA"]}
    monkeypatch.setattr(printed, "AVERAGES", other)
    assert claim.check(nothing).verdict == Verdict.FAILS


def test_patterns_one_by_one(tmp_path: Path) -> None:
    claim, name = patterns_help, "methods.cpu"
    names = ("LoRA + MPC_o", "LoRA + MPC_d", "parallel adapter")
    better = {"LoRA": 0.7, **dict.fromkeys(names, 0.8)}
    assert finding(claim, tmp_path, name, methods(better)).verdict == Verdict.HOLDS
    assert finding(claim, tmp_path, name, methods(better | {"LoRA": 0.9})).verdict == Verdict.FAILS
    one = finding(claim, tmp_path, name, methods(better | {"LoRA + MPC_d": 0.6}))
    assert one.verdict == Verdict.ONLY_WHEN
    assert one.condition == "MPC_o is meant, or MPC_n is meant (does not hold: MPC_d is meant)"


def test_dora_against_lora(tmp_path: Path) -> None:
    claim, name = dora_is_better_than_lora, "methods.cpu"
    assert finding(claim, tmp_path, name, methods({"LoRA": 0.7, "DoRA": 0.8})).verdict == Verdict.HOLDS
    assert finding(claim, tmp_path, name, methods({"LoRA": 0.8, "DoRA": 0.7})).verdict == Verdict.FAILS


@pytest.mark.parametrize(
    "claim", [claim for claim in CLAIMS if claim not in WITHOUT_RECORD], ids=lambda claim: claim.name
)
def test_nothing_is_said_without_a_record(claim: Claim, tmp_path: Path) -> None:
    assert judged(claim, Evidence(tmp_path, tmp_path)).verdict == Verdict.NOT_RUN
    for name in ("decomposition", "methods.cpu"):
        assert finding(claim, tmp_path, name, {}).verdict == Verdict.NOT_RUN
