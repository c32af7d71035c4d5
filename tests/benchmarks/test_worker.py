"""A measurement always ends in a report; a cost is what the call itself took."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import measure, worker
from benchmarks.jobs import Job
from benchmarks.measure import Refused, measured, require_room
from benchmarks.settings import Setting

JOB = Job("loop", Setting("full"), 2)
CPU = torch.device("cpu")


def report_of(monkeypatch: pytest.MonkeyPatch, folder: Path, result: Any) -> dict[str, Any]:
    def work(_job: Job) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(worker, "work", work)
    worker.main(JOB, folder)
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_a_result_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert report_of(monkeypatch, tmp_path, (torch.eye(2), {"cpu": 1.0})) == {"cpu": 1.0}
    assert np.array_equal(np.load(tmp_path / "kernel.npy"), np.eye(2))


@pytest.mark.parametrize(
    ("raised", "written"),
    [
        (Refused("gradients take 54 GB"), "refused: gradients take 54 GB"),
        (ModuleNotFoundError("No module named 'opacus'"), "ModuleNotFoundError: No module named 'opacus'"),
    ],
)
def test_failures_are_written_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, written: str
) -> None:
    assert report_of(monkeypatch, tmp_path, raised) == {"failure": written}
    assert not (tmp_path / "kernel.npy").exists()


def test_peak_memory_is_that_of_the_call() -> None:
    def call() -> float:
        return float(torch.ones(32_000_000).sum())  # 128 MB, given back at once

    found, cost = measured(call, CPU)
    assert found == 32_000_000
    assert cost.device_peak is None
    if cost.peak is not None and cost.before is not None:
        assert 120e6 < cost.peak - cost.before < 400e6
        _, later = measured(lambda: None, CPU)
        assert later.peak is not None
        assert later.peak < cost.peak  # the record of the first call is gone


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_kilobytes", lambda _path, _field: 4_000_000_000)
    require_room(1_000_000_000, "gradients", CPU)
    with pytest.raises(Refused, match=r"gradients take 3.0 GB; 4.0 GB are free"):
        require_room(3_000_000_000, "gradients", CPU)
    monkeypatch.setattr(measure, "_kilobytes", lambda _path, _field: None)  # a system that does not tell
    require_room(3_000_000_000, "gradients", CPU)
