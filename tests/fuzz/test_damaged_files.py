"""Damaged files of every kind load to something valid, or are refused by name; see `trials.targets`."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import CorruptFileError
from tests.fuzz.damage import damaged
from trials import targets

BOUNDED = settings(max_examples=100, deadline=timedelta(seconds=20))  # longer for one input is a hang


def run(target: str, content: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return targets.TARGETS[target](content, Path(folder))


@pytest.mark.parametrize("target", targets.TARGETS)
def test_what_fuzzing_starts_from_is_taken(target: str) -> None:
    assert all(run(target, content) for content in targets.seeds(target))


@BOUNDED
@given(damaged("records") | st.binary(max_size=200))
def test_records(content: bytes) -> None:
    run("records", content)


@BOUNDED
@given(damaged("kernels") | st.binary(max_size=200))
def test_kernels(content: bytes) -> None:
    run("kernels", content)


@pytest.mark.slow
@BOUNDED
@given(damaged("tasks") | st.binary(max_size=200))
def test_task_files_and_their_rows(content: bytes) -> None:
    run("tasks", content)


@pytest.mark.slow
@BOUNDED
@given(damaged("parameters") | st.binary(max_size=200))
def test_parameters(content: bytes) -> None:
    run("parameters", content)


def test_a_finding_is_raised(tmp_path: Path) -> None:
    assert not targets.read_record(b"{", tmp_path)
    with pytest.raises(targets.Finding, match="names none of"), targets.refused("mine.json"):
        raise CorruptFileError("another.json is damaged")
    with pytest.raises(targets.Finding, match="KeyError"), targets.refused("mine.json"):
        raise KeyError("mine.json")
