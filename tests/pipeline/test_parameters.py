"""Parameters are refused before a kernel starts, with the nearest names and the accepted type."""

from pathlib import Path
from typing import Any

import pytest

from lintune.errors import InputError
from pipeline import parameters
from tests.pipeline.project import notebook

DECLARED = """
shots: int = 16  # examples per class (n=16)
rate: float = 0.1
name: str = "a=b"
exact: bool = True
seeds: list[int] = [0, 1]
anything: list = []
limit: int | None = None
label: str | None = None
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "example.md"
    path.write_text(notebook("shots", parameters=DECLARED))
    return path


def test_declarations_are_read_with_type_and_default(source: Path) -> None:
    declared = parameters.declared(source)
    assert {name: (found.annotation, found.default) for name, found in declared.items()} == {
        "shots": ("int", 16),
        "rate": ("float", 0.1),
        "name": ("str", "a=b"),
        "exact": ("bool", True),
        "seeds": ("list[int]", [0, 1]),
        "anything": ("list", []),
        "limit": ("int | None", None),
        "label": ("str | None", None),
    }


@pytest.mark.parametrize(
    "given",
    [
        {"shots": 4, "rate": 1, "name": "x", "exact": False, "seeds": [], "limit": 3},
        {"anything": [1, "a"], "limit": None, "label": "x"},
    ],
)
def test_values_of_the_declared_type_pass(source: Path, given: dict[str, Any]) -> None:
    parameters.check(source, given)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("shots", "4", "int"),
        ("shots", 4.0, "int"),
        ("shots", True, "int"),
        ("shots", None, "int"),
        ("rate", "fast", "float"),
        ("name", 135, "str"),
        ("exact", 1, "bool"),
        ("exact", "true", "bool"),
        ("seeds", 3, "list[int]"),
        ("seeds", [1, "2"], "list[int]"),
        ("anything", "ab", "list"),
        ("limit", "none", "int | None"),
    ],
)
def test_other_types_are_refused_with_the_accepted_one(
    source: Path, name: str, value: object, accepted: str
) -> None:
    with pytest.raises(InputError) as refused:
        parameters.check(source, {name: value})
    assert str(refused.value) == f"{source}: parameter {name}={value!r} is not of type {accepted}."


def test_unknown_name_is_refused_with_the_nearest(source: Path) -> None:
    with pytest.raises(InputError, match=r"parameter='shot' is not known. Did you mean 'shots'"):
        parameters.check(source, {"shot": 4})


def test_every_fault_is_told_at_once(source: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)'sead'.*shots='x'"):
        parameters.check(source, {"sead": 4, "shots": "x"})


def test_a_number_that_yaml_reads_as_text_is_explained(source: Path) -> None:
    with pytest.raises(InputError, match="write 1.0e-4"):
        parameters.check(source, {"rate": "1e-4"})


def test_notebook_without_parameters_has_none(tmp_path: Path) -> None:
    path = tmp_path / "plain.md"
    path.write_text(notebook("1 + 1", parameters=None))
    assert parameters.declared(path) == {}
    with pytest.raises(InputError, match="parameter='shots'"):
        parameters.check(path, {"shots": 1})


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("shots = 16", "expected lines like `shots: int = 16`, found `shots = 16`"),
        ("shots: int = 2 * 8", "not understood"),
        ("shots: int =", "not understood"),
        ("shots: int = 'x'", "the default of parameter shots='x' is not of type int"),
        ("shots: inte = 3", "'inte' is not known. Did you mean 'int'"),
        ("import os", "expected lines like"),
    ],
)
def test_other_cells_are_refused(tmp_path: Path, cell: str, told: str) -> None:
    path = tmp_path / "odd.md"
    path.write_text(notebook("1", parameters=cell))
    with pytest.raises(InputError) as refused:
        parameters.declared(path)
    assert told in str(refused.value)


def test_missing_source_is_refused_with_the_nearest(source: Path) -> None:
    with pytest.raises(InputError, match=r"Did you mean '.*example\.md'"):
        parameters.declared(source.with_name("exampel.md"))


def test_command_line_values_are_python_literals_or_text(source: Path) -> None:
    numbers = ["shots=4", "rate=1e-4", "name=135", "exact=False", "seeds=[0,1]"]
    others = ["limit=None", "label=None", "sead=x", "anything=['a', 1]"]
    assert parameters.from_command_line(source, numbers + others) == {
        "shots": 4,
        "rate": 1e-4,
        "name": "135",
        "exact": False,
        "seeds": [0, 1],
        "limit": None,
        "label": None,
        "sead": "x",
        "anything": ["a", 1],
    }
    assert parameters.from_command_line(source, ["name=a=b", "shots=many"]) == {
        "name": "a=b",
        "shots": "many",
    }


def test_command_line_without_equals_sign_is_refused(source: Path) -> None:
    with pytest.raises(InputError, match="expected NAME=VALUE"):
        parameters.from_command_line(source, ["shots"])
