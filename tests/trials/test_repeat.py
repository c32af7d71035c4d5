"""Two runs that differ are told apart, and what only measures time is not looked at."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from lintune import records
from lintune.errors import InputError
from trials import repeat


def build(folder: Path, name: str = "one", **data: Any) -> Path:
    """Write a build of one record, and return its folder."""
    records.write(
        name,
        data,
        parameters={"seed": 0},
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=folder / name / "records" / f"{name}.json",
    )
    return folder


def row(claim: str = "a", verdict: str = "holds", **numbers: float) -> dict[str, Any]:
    return {"claim": claim, "verdict": verdict} | dict.fromkeys(("value", "low", "high"), math.nan) | numbers


def kept(before: dict[str, Any], now: dict[str, Any]) -> bool:
    return bool(repeat.drifted(pd.DataFrame([now]), pd.DataFrame([before])).kept.item())


def test_runs_that_differ_in_time_and_memory_alone_are_the_same(tmp_path: Path) -> None:
    one = build(tmp_path / "a", loss=[0.5, 0.25], rows=[{"seconds": 3.0, "rank": 8}], peak_bytes=5)
    other = build(tmp_path / "b", loss=[0.5, 0.25], rows=[{"seconds": 9.0, "rank": 8}], peak_bytes=6)
    table = repeat.compared(one, other)
    assert table.beyond.item() == 0
    assert table.numbers.item() == 4  # two losses, the rank, the seed


def test_where_a_record_comes_from_is_not_compared(tmp_path: Path) -> None:
    one = build(tmp_path / "a", rows=[{"run_on": "a", "threads": 1, "ours": "1.5 (1 to 2)", "value": 1.5}])
    other = build(tmp_path / "b", rows=[{"run_on": "b", "threads": 2, "ours": "1.6 (1 to 2)", "value": 1.5}])
    assert repeat.compared(one, other).beyond.item() == 0


@pytest.mark.parametrize(("least", "beyond"), [(0.0, 2), (2e-6, 1), (2.0, 0)])
def test_what_is_itself_rounding_is_held_to_an_absolute_difference(
    tmp_path: Path, least: float, beyond: int
) -> None:
    one = build(tmp_path / "a", rounding=1.4e-5, loss=1.0)
    other = build(tmp_path / "b", rounding=1.3e-5, loss=1.02)
    assert repeat.compared(one, other, within=0.01, least=least).beyond.item() == beyond


@pytest.mark.parametrize(
    ("value", "within", "differs"),
    [
        (0.5, 0.0, False),
        (0.5 * (1 + 2**-50), 0.0, True),
        (0.505, 0.02, False),
        (0.55, 0.02, True),
        ("x", 9.0, True),
    ],
)
def test_a_number_that_moved_by_more_is_found_with_its_place(
    tmp_path: Path, value: Any, within: float, differs: bool
) -> None:
    one, other = build(tmp_path / "a", runs=[{"loss": 0.5}]), build(tmp_path / "b", runs=[{"loss": value}])
    table = repeat.compared(one, other, within)
    assert table.beyond.item() == int(differs)
    assert table["first"].item().startswith("data.runs.0.loss" if differs else "")


@pytest.mark.parametrize("other", [{"loss": 0.5, "gap": 1}, {}, {"loss": [0.5]}, {"loss": "0.5"}])
def test_what_only_one_run_has_is_a_difference(tmp_path: Path, other: dict[str, Any]) -> None:
    one, two = build(tmp_path / "a", loss=0.5), build(tmp_path / "b", **other)
    assert repeat.compared(one, two, within=1.0).beyond.item() == 1


def test_builds_of_other_notebooks_are_refused(tmp_path: Path) -> None:
    one, other = build(tmp_path / "a"), build(tmp_path / "b", name="two")
    with pytest.raises(InputError, match=r"one\.json, two\.json is in one only"):
        repeat.compared(one, other)
    with pytest.raises(InputError, match="holds no records"):
        repeat.compared(one, tmp_path)


def test_the_commands_exit_with_one_where_something_differs(tmp_path: Path) -> None:
    one, other = build(tmp_path / "a", loss=0.5), build(tmp_path / "b", loss=0.6)
    run = CliRunner().invoke(repeat.app, ["builds", str(one), str(one)])
    assert (run.exit_code, run.output.splitlines()[-1]) == (0, "1 compared, 0 differ")
    assert CliRunner().invoke(repeat.app, ["builds", str(one), str(other)]).exit_code == 1
    assert CliRunner().invoke(repeat.app, ["builds", str(one), str(tmp_path)]).exit_code == 2


def test_a_claim_may_move_by_a_twentieth_of_its_interval() -> None:
    before = row(value=0.1, low=-1.0, high=1.0)
    assert kept(before, row(value=0.19, low=-0.9, high=1.1))
    assert not kept(before, row(value=0.21, low=-0.9, high=1.1))
    assert not kept(before, row(value=0.1, low=-1.0, high=1.0, verdict="not decided"))


def test_a_claim_may_move_by_a_twentieth_of_itself_and_by_what_rounding_is() -> None:
    assert kept(row(value=10.0), row(value=10.4))
    assert not kept(row(value=10.0), row(value=10.6))
    assert kept(row(value=2e-6, low=2e-6, high=2e-6), row(value=9e-6, low=2e-6, high=9e-6))
    assert not kept(row(value=2e-6), row(value=2e-5))


def test_a_claim_that_lost_or_found_its_number_has_moved() -> None:
    assert kept(row(), row())
    assert not kept(row(), row(value=1.0))
    assert not kept(row(value=1.0), row())


def test_ledgers_of_other_claims_are_refused() -> None:
    with pytest.raises(InputError, match="the same claims: a, b"):
        repeat.drifted(pd.DataFrame([row("a")]), pd.DataFrame([row("b")]))


def test_the_committed_ledger_keeps_to_itself() -> None:
    path = str(Path(__file__).parents[2] / "results/ledger.cpu.json")
    run = CliRunner().invoke(repeat.app, ["ledger", path, path])
    assert run.exit_code == 0, run.output
    assert json.loads(Path(path).read_text())["name"] == "ledger"
