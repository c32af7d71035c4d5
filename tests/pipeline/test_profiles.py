"""Profiles fit the notebooks, or are refused before anything runs."""

from pathlib import Path

import pytest
import torch

from lintune.errors import InputError
from pipeline import profiles
from tests.pipeline.project import ROOT, notebook


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(notebook("shots"))
    (tmp_path / "profiles.yml").write_text(
        "smoke: {one: {shots: 2}, two: }\ncpu: {one: {}, two: {shots: x}}\n"
    )
    return tmp_path


@pytest.mark.parametrize("profile", ["smoke", "cpu", "gpu"])
def test_profiles_of_the_book_fit_its_notebooks(profile: str) -> None:
    assert profiles.checked(profile, ROOT / "notebooks")


def test_parameters_of_each_notebook(folder: Path) -> None:
    assert profiles.checked("smoke", folder) == {"one": {"shots": 2}, "two": {}}
    assert profiles.of_notebook("smoke", folder / "one.md") == {"shots": 2}


def test_unknown_profile_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(InputError, match=r"profile='smok' is not known. Did you mean 'smoke'"):
        profiles.load("smok", folder)


def test_unknown_notebook_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(InputError, match=r"notebook='tow' is not known. Did you mean 'two'"):
        profiles.of_notebook("smoke", folder / "tow.md")


def test_wrong_parameter_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"two\.md: parameter shots='x' is not of type int"):
        profiles.checked("cpu", folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("smoke: {one: {}}", "no line for two"),
        ("smoke: {one: {}, two: {}, three: {}}", "notebook='three' is not known"),
        ("smoke: {one: {}, two: 3}", "two=3, expected {parameter: value}"),
        ("smoke: [one, two]", "expected profiles"),
        ("smoke: {", "not readable YAML"),
    ],
)
def test_profiles_that_do_not_fit_are_refused(folder: Path, content: str, told: str) -> None:
    (folder / "profiles.yml").write_text(content)
    with pytest.raises(InputError) as refused:
        profiles.load("smoke", folder)
    assert told in str(refused.value)


@pytest.mark.parametrize(("available", "expected"), [(True, "gpu"), (False, "cpu")])
def test_the_profile_fits_the_machine(
    monkeypatch: pytest.MonkeyPatch, available: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert profiles.fitting() == expected
