"""What is concluded from measurements, and what becomes of failures."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compare, report
from benchmarks.compare import Comparison, error, summarise
from benchmarks.jobs import Job, Outcome
from benchmarks.settings import Setting
from benchmarks.ways import WAYS
from lintune.errors import InputError
from lintune.records import Stopwatch, read

JOB = Job("", Setting("full"), 4)
COST = {"wall": 2.0, "cpu": 2.0, "peak": 1_000_000_000, "before": 0, "device_peak": None}


def faked(seconds: dict[str, list[float]], rows: int = 4) -> tuple[list[Job], "object"]:
    """Return what was asked for and a runner that takes these seconds, one after the other."""
    asked: list[Job] = []

    def run(job: Job, limit: float) -> Outcome:
        asked.append(job)
        left = seconds.get(job.way)
        if not left:
            return Outcome({}, None, "refused: no room")
        return Outcome(COST | {"cpu": left.pop(0)}, np.eye(4)[:rows])

    return asked, run


def test_ratios_are_taken_within_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = faked({"lintune": [1.0, 2.0, 4.0], "loop": [3.0, 8.0, 8.0]})
    monkeypatch.setattr(compare, "run", run)
    comparison = Comparison(JOB, ["lintune", "loop"], 1.0, np.eye(4))
    for number in (1, 2, 3):
        comparison.round(number)
    found = comparison.summary()
    assert found["loop"]["ratio"] == 3.0  # the median of 3, 4 and 2, not the ratio of medians 8 / 2
    assert found["loop"]["cpu"] == 8.0
    assert found["lintune"]["error"] == 0.0


def test_all_variants_run_in_the_first_round_and_the_fastest_after(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, run = faked({"vmap": [5.0, 3.0, 3.5]})
    monkeypatch.setattr(compare, "run", run)
    comparison = Comparison(JOB, ["vmap"], 1.0)
    comparison.round(1)
    comparison.round(2)
    assert [job.options for job in asked] == [{"chunk": 1}, {"chunk": 4}, {"chunk": 4}]
    assert comparison.summary()["vmap"]["cpu"] == 3.25
    assert comparison.summary()["vmap"]["ratio"] is None


def test_a_failure_is_recorded_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, run = faked({})
    monkeypatch.setattr(compare, "run", run)
    comparison = Comparison(JOB, ["loop"], 1.0)
    comparison.round(1)
    comparison.round(2)
    assert len(asked) == 1
    assert comparison.runs["loop"] == [{"round": 1, "options": {}, "failure": "refused: no room"}]
    assert "no room" in report.table(comparison.summary(), "cpu")


def test_a_part_is_scaled_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = faked({"loop": [3.0]}, rows=1)
    monkeypatch.setattr(compare, "run", run)
    comparison = Comparison(JOB, ["loop"], 1.0, np.eye(4))
    comparison.round(1)
    assert comparison.summary()["loop"]["cpu"] == 12.0
    assert "1/4 of the rows" in report.table(comparison.summary(), "cpu")


def test_without_runs_there_is_nothing_to_summarise() -> None:
    assert summarise([], {}, "cpu") == {"failure": "did not run"}


def test_error_compares_the_rows_that_there_are() -> None:
    reference = np.arange(9.0).reshape(3, 3)
    assert error(reference[:1], reference) == 0.0
    assert error(1.1 * reference, reference) == pytest.approx(0.1)
    assert error(reference[:0], reference) is None
    assert error(reference, None) is None


def test_a_job_survives_the_command_line() -> None:
    job = Job("vmap", Setting("lora", rank=3, top=2), 8, {"chunk": 4}, longest=16, threads=2)
    assert Job.from_json(job.to_json()) == job


def test_variants_larger_than_the_number_of_texts_are_left_out() -> None:
    assert WAYS["vmap"].variants_for(8) == [{"chunk": 1}, {"chunk": 4}, {"chunk": 8}]
    assert WAYS["opacus"].variants_for(4) == [{"chunk": 4}]


def test_unknown_ways_and_settings_are_refused() -> None:
    from benchmarks.kernel import check

    with pytest.raises(InputError, match="Did you mean 'loop'"):
        check(["full"], ["lop"])
    with pytest.raises(InputError, match="setting='fully'"):
        check(["fully"], ["loop"])


def test_the_record_goes_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "inputs_by_hash", lambda: {"model": "ab"})
    monkeypatch.setattr("torch.set_num_threads", lambda _threads: None)
    monkeypatch.setenv("LINTUNE_RECORDS", "")  # restored after the test
    out = report.write(tmp_path / "b.cpu.json", {"a": 1}, {"device": "cpu", "threads": 1}, Stopwatch())
    assert out == tmp_path / "b.cpu.json"
    assert json.dumps(read(out)["data"]["a"]) == "1"
