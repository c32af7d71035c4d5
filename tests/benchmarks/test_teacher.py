"""All ways of descent take the same steps on the same inputs, and their times are told."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import report, teacher
from benchmarks.teacher_ways import World, alone, by_torch, drawn, together
from lintune.records import Stopwatch, read
from lintune.teacher import Training, problem, start


@pytest.mark.parametrize("c_rate", [0.0, 0.02])
def test_all_ways_take_the_same_steps_on_the_same_inputs(c_rate: float) -> None:
    given = problem("relu", 4, 15, 2.0, base="sphere", quantised=False, instances=3, seed=1)
    found = teacher.differences(given, start(given, 2), Training(0.02, c_rate), steps=30)
    assert found.pop("moved") > 0.05
    assert set(found) == {"lintune", "alone", "together", "torch"}
    assert all(value < 1e-10 for value in found.values())


@pytest.mark.parametrize("way", [alone, together])
def test_students_in_r_d_stay_outside_the_span_on_their_spheres(way: teacher.Peer) -> None:
    given = problem("relu", 4, 15, 2.0, base="sphere", quantised=False, instances=3, seed=1)
    world = World.of(given, start(given, 2), 0)
    u_hat, c = way(world, Training(0.02, 0.02), 20, 8, drawn(world, 1))
    np.testing.assert_allclose(np.linalg.norm(u_hat, axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(c, axis=1), 1)
    np.testing.assert_allclose(np.einsum("ikd,id->ik", world.rows, u_hat), 0, atol=1e-12)


def test_torch_draws_its_inputs_by_a_seed() -> None:
    given = problem("relu", 4, 15, 2.0, instances=3, seed=1)
    world = World.of(given, start(given, 2), 0)
    one, same, other = (by_torch(world, Training(0.02), 20, 8, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("joint", [False, True])
def test_what_is_measured_is_told_and_written(
    joint: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = teacher.measure(15, 4, 3, joint, steps=5, more=2, rounds=3)
    assert list(found["ways"]) == ["lintune", "alone", "together", "torch"]
    for name, way in found["ways"].items():
        assert len(way["rounds"]) == 3
        assert way["microseconds"] == np.median(way["rounds"]) > 0
        assert (way["ratio"] == 1) == (name == "lintune")
        assert (way["peak"] is None) == (name == "torch")
    text = teacher.table(found)
    assert "one at a time" in text
    assert ("u and c trained" in text) == joint
    monkeypatch.setenv("LINTUNE_RECORDS", "")  # restored after the test
    path = report.write(
        tmp_path / "t.cpu.json",
        {"cases": [found]},
        {"device": "cpu", "threads": 1},
        Stopwatch(),
        inputs={},
        dtype="float64",
    )
    assert read(path)["data"]["cases"][0]["ways"] == found["ways"]
    assert read(path)["environment"]["dtype"] == "float64"
