"""Records are whole, carry their provenance, and refuse what they cannot say."""

import json
from pathlib import Path

import numpy as np
import pytest

from lintune import records
from lintune.errors import CorruptFileError, FetchError, InputError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINTUNE_RECORDS", str(tmp_path / "records"))
    return tmp_path / "records"


def write(data: dict, name: str = "found") -> Path:
    return records.write(
        name,
        data,
        parameters={"seed": 3},
        inputs={"task mr": "ab", "model m": "cd"},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
    )


def test_round_trip_with_arrays_and_provenance() -> None:
    record = records.read(write({"gram": np.eye(2), "accuracy": np.float32(0.5), "n": np.int64(3)}))
    assert record["data"] == {"gram": [[1.0, 0.0], [0.0, 1.0]], "accuracy": 0.5, "n": 3}
    assert record["parameters"] == {"seed": 3}
    assert list(record["inputs"]) == ["model m", "task mr"]
    assert {"device", "threads", "dtype", "python", "packages", "revision"} == set(record["environment"])
    assert record["environment"]["packages"]["torch"]
    assert record["run"]["wall_seconds"] >= 0


def test_same_work_gives_the_same_record_but_for_the_run() -> None:
    first, second = records.read(write({"a": 1}, "first")), records.read(write({"a": 1}, "second"))
    for record in (first, second):
        del record["run"], record["name"]
    assert first == second


def test_a_record_goes_where_it_is_told(tmp_path: Path, folder: Path) -> None:
    told = tmp_path / "mine.json"
    found = records.write(
        "found",
        {"a": 1},
        parameters={},
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=told,
    )
    assert (found, records.read(told)["name"], folder.exists()) == (told, "found", False)


@pytest.mark.parametrize("value", [float("nan"), np.array([np.inf])])
def test_not_finite_is_refused_and_the_earlier_record_stays(value: object) -> None:
    path = write({"a": 1})
    before = path.read_text()
    with pytest.raises(InputError, match="not finite"):
        write({"a": value})
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]


def test_folder_that_cannot_be_written(folder: Path) -> None:
    folder.write_text("a file in the way")
    with pytest.raises(FetchError, match="could not be written"):
        write({"a": 1})


def test_failure_in_the_last_step_leaves_the_earlier_record(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write({"a": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lintune.records.os.replace", full)
    with pytest.raises(FetchError, match="No space left"):
        write({"a": 2})
    assert records.read(path)["data"] == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"data": {}})])
def test_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(CorruptFileError, match=r"bad\.json"):
        records.read(path)
