"""The trial of kills: it passes on a small project, and notices what is lost, left behind or half written."""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lintune import records
from lintune.errors import InputError
from tests.pipeline.project import Project, notebook
from trials.kills import Build, Lost, check_finished, check_whole, differences, trial

WORK = """import os
import time

from lintune import records
from lintune import {name}

stopwatch = records.Stopwatch()
time.sleep(1)
found = {{"found": {name}.VALUE * shots, "seconds": stopwatch.seconds}}
records.write("{name}", found, parameters={{"shots": shots}}, inputs={{}}, device="cpu", dtype="float32",
              stopwatch=stopwatch)"""


def project(root: Path) -> Build:
    root.mkdir()
    made = Project(root)
    for name in ("one", "two"):
        made.write(f"notebooks/{name}.md", notebook(WORK.format(name=name)))
    return Build(root, "smoke", ("one", "two"))


def result(root: Path, found: object = 1, name: str = "one") -> Build:
    """Make what a run of a notebook leaves."""
    run = root / "build/smoke" / name
    cell = new_code_cell("1")
    cell.execution_count = 1
    run.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[cell]), run / "notebook.ipynb")
    records.write(
        name,
        {"found": found, "rows": [{"seconds": id(root)}]},
        parameters={},
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=run / "records" / f"{name}.json",
    )
    return Build(root, "smoke", (name,))


@pytest.mark.slow
@pytest.mark.timeout(600)  # a dozen builds
def test_three_kills_of_a_small_project_lose_nothing(tmp_path: Path) -> None:
    found = trial(project(tmp_path / "calm"), project(tmp_path / "killed"), times=3, seed=0)
    assert found["lost"] == 0
    assert len(found["kills"]) == 3
    assert found["compared"] == {"one": ["one.json"], "two": ["two.json"]}


def test_equal_results_have_no_differences(tmp_path: Path) -> None:
    assert differences(result(tmp_path / "a"), result(tmp_path / "b")) == []


@pytest.mark.parametrize("found", [2, None, [1], {"a": 1}])
def test_another_number_is_a_difference(tmp_path: Path, found: object) -> None:
    told = differences(result(tmp_path / "a"), result(tmp_path / "b", found))
    assert len(told) == 1
    assert told[0].startswith("one.json: 1 differences, first data.found")


def test_a_missing_record_is_a_difference(tmp_path: Path) -> None:
    calm, killed = result(tmp_path / "a"), result(tmp_path / "b")
    result(tmp_path / "a", name="two")
    with pytest.raises(InputError, match="two"):
        differences(calm, killed)


def test_a_changed_record_is_lost(tmp_path: Path) -> None:
    build = result(tmp_path / "a")
    path = next(build.root.rglob("one.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": {"found": 3}}))
    with pytest.raises(Lost, match=r"one\.json is not the record that was written"):
        check_whole(build)


def test_a_notebook_that_stops_half_way_is_lost(tmp_path: Path) -> None:
    build = result(tmp_path / "a")
    path = build.runs()["one"] / "notebook.ipynb"
    whole = path.read_text()
    path.write_text(whole.replace('"execution_count": 1', '"execution_count": null'))
    with pytest.raises(Lost, match="cell 0 was not executed"):
        check_whole(build)
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(Lost, match="not whole"):
        check_whole(build)


@pytest.mark.parametrize("name", ["build/smoke/one/running-x", "notebooks/executed/records/tmp.part"])
def test_what_is_left_behind_is_found(tmp_path: Path, name: str) -> None:
    build = result(tmp_path / "a")
    (build.root / name).mkdir(parents=True)
    with pytest.raises(Lost, match="was left behind"):
        check_finished(build)
