"""The three ways are one run, their seconds are counted, and the break-even follows from them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import dual, report
from benchmarks.inputs import Inputs
from lintune.methods import LoRA
from lintune.prompted import PromptedModel
from lintune.records import Stopwatch, read
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


def inputs() -> Inputs:
    return Inputs(PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32), sentences(0, 6), [])


def test_three_ways_of_one_run_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dual.measure(inputs(), LoRA(2, 4, ("*.c_attn",)), steps=3, repeats=1, many=5)
    assert all(value < 1e-10 for value in found["differences"].values())
    assert {way: len(seconds["steps"]) for way, seconds in found["ways"].items()} == {
        "dual": 6,
        "features": 6,
        "primal": 4,
    }
    for seconds in found["ways"].values():
        assert seconds["step"] == np.median(seconds["steps"])
    assert found["ways"]["primal"]["once"] == 0 < found["ways"]["dual"]["once"]
    assert "forward mode" in dual.table(found)
    monkeypatch.setattr(report, "inputs_by_hash", lambda: {"model": "ab"})
    monkeypatch.setenv("LINTUNE_RECORDS", "")  # restored after the test
    path = report.write(tmp_path / "d.cpu.json", found, {"device": "cpu", "threads": 1}, Stopwatch())
    assert read(path)["data"]["ways"] == found["ways"]
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("way", "other", "steps"),
    [
        ((10.0, 0.5), (0.0, 3.0), 5),  # 4 steps: 12 against 12
        ((10.0, 0.5), (0.0, 2.5), 6),
        ((1.0, 0.1), (2.0, 0.1), 0),
        ((3.0, 0.5), (0.0, 0.5), None),
        ((1.0, 0.5), (2.0, 0.2), None),
    ],
)
def test_break_even(way: tuple[float, float], other: tuple[float, float], steps: int | None) -> None:
    given = [{"once": once, "step": step} for once, step in (way, other)]
    assert dual.break_even(*given) == steps
