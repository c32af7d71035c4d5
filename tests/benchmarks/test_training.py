"""Ways to train the same numbers take the same steps, and what is measured of them is summed up right."""

import copy
import json
from dataclasses import replace

import pytest
import torch

from benchmarks import training
from benchmarks.inputs import Inputs
from benchmarks.training_ways import WAYS, nearest_rank
from benchmarks.training_worker import Job, work
from lintune.prompted import PromptedModel
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


def inputs(name: str = "llama") -> Inputs:
    copied = replace(pretrained(name), model=copy.deepcopy(pretrained(name).model))
    prompted = PromptedModel(copied, PROMPT, longest=32)
    few = sentences(0, 4)
    return Inputs(prompted, few, [torch.tensor(prompt.ids) for prompt in prompted.encode(few)])


def done(way: str) -> training.Run:
    return work(Job(way, 4, 2, rate=0.01), inputs())


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_the_weights_put_together_anew_are_trained_alike(kind: str) -> None:
    ours, theirs = done(kind), done(f"concatenated-{kind}")
    assert ours["count"] == theirs["count"]
    assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-9)
    assert ours["losses"][-1] < ours["losses"][0]
    assert ours["kept"] < theirs["kept"]


@pytest.mark.parametrize("rank", [1, 2])
def test_pefts_lora_trains_as_many_numbers(rank: int) -> None:
    ours, theirs = done(f"lora-{rank}"), done(f"peft-lora-{rank}")
    assert ours["count"] == theirs["count"]
    assert ours["losses"][0] == pytest.approx(theirs["losses"][0], rel=1e-6)


def test_nearest_rank() -> None:
    assert [nearest_rank(wanted, 10) for wanted in (3, 14, 16, 27, 30)] == [1, 1, 2, 3, 3]


def test_ratios_are_those_within_a_round() -> None:
    def run(number: int, cpu: float) -> training.Run:
        costs = {"cpu": cpu, "wall": 2 * cpu, "peak": 100 * cpu, "device_peak": None}
        return {"round": number, "count": 7, "kept": 5, "losses": [1.0], **costs}

    runs = {
        "lora-1": [run(1, 1.0), run(2, 10.0)],
        "rows": [run(1, 2.0), run(2, 5.0)],
        "x": [{"failure": "no"}],
    }
    found = training.summary(runs, "cpu")
    assert found["rows"]["time_ratio"] == found["rows"]["memory_ratio"] == 1.25
    assert found["rows"]["cpu"] == 3.5
    assert found["x"] == {"failure": "no"}
    assert training.equal_budget(found) == {"rows": 1}
    assert "no" in training.table(found)
    json.dumps(found)


def test_all_ways_are_measured_by_default() -> None:
    assert {"rows", "columns", "peft-lora-1", "concatenated-rows"} <= set(WAYS)
