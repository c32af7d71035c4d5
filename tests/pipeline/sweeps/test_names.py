"""Names as parts of paths: harmless, and back without loss."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune.errors import InputError
from pipeline.sweeps.names import from_path, to_path

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(NAMES)
def test_a_name_comes_back(name: str) -> None:
    assert from_path(to_path(name)) == name


@given(NAMES)
def test_a_part_of_a_path_is_harmless(name: str) -> None:
    part = to_path(name)
    assert re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*", part)
    assert part not in (".", "..")


@given(NAMES, NAMES)
def test_two_names_are_two_paths(left: str, right: str) -> None:
    assert (to_path(left) == to_path(right)) == (left == right)


def test_usual_names_stay_readable() -> None:
    assert to_path("smollm2-135m") == "smollm2-135m"
    assert to_path("owner/name") == "owner~2Fname"
    assert to_path("../x") == "~2E.~2Fx"


@pytest.mark.parametrize("name", ["", "x" * 251])
def test_what_no_file_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="name="):
        to_path(name)
