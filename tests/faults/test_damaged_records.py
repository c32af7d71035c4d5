"""A record that is cut or flipped is never taken for another one; those without a hash are still read."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintune import records
from lintune.errors import CorruptFileError
from tests.faults.writers import record as write
from tests.pipeline.project import ROOT
from trials.targets import refused


def read_or_refused(path: Path) -> dict | None:
    found = []
    with refused(path.name):
        found.append(records.read(path))
    return found[0] if found else None


def test_every_cut_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, 3)
    whole = path.read_bytes().rstrip()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert read_or_refused(path) is None


def test_every_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, 3)
    whole, written = path.read_bytes(), records.read(path)
    refused = 0
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            found = read_or_refused(path)
            assert found in (None, written)  # white space may change
            refused += found is None
    assert refused > 7 * len(whole)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_number_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = write(tmp_path, 5)
    record = json.loads(path.read_text())
    place = data.draw(st.integers(0, 4))
    record["data"]["numbers"][place] += data.draw(st.sampled_from([1e-9, 1, -3]))
    path.write_text(json.dumps(record))
    with pytest.raises(CorruptFileError, match=r"found\.json is not the record that was written"):
        records.read(path)


@pytest.mark.parametrize("change", [{"sha256": None}, {"sha256": 3}, {"sha265": "0"}, {"name": "another"}])
def test_a_changed_hash_or_name_is_refused(tmp_path: Path, change: dict) -> None:
    path = write(tmp_path, 2)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert read_or_refused(path) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '{"a": "\xff"}', "\x00"])
def test_what_trips_the_reader_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(text.encode("latin-1"))
    assert read_or_refused(path) is None


@pytest.mark.parametrize("key", ["data", "parameters", "inputs", "environment", "run"])
def test_a_record_without_a_hash_has_values_by_name(tmp_path: Path, key: str) -> None:
    path = write(tmp_path, 2)
    bare = json.loads(path.read_text())
    del bare["sha256"]
    path.write_text(json.dumps(bare))
    assert records.read(path) == bare
    path.write_text(json.dumps(bare | {key: [1]}))
    with pytest.raises(CorruptFileError, match=f"{key} holds no values by name"):
        records.read(path)


def test_committed_records_are_read() -> None:
    found = sorted((ROOT / "results").glob("*.json"))
    assert found
    assert all(records.told(records.read(path)) for path in found)
