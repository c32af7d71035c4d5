"""What notebooks ask of a cluster is said for each of them, or refused."""

from pathlib import Path

import pytest
import yaml

from lintune.errors import InputError
from pipeline import profiles, resources
from tests.pipeline.project import ROOT, notebook


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(notebook("shots"))
    return tmp_path


def write(folder: Path, content: str) -> None:
    (folder / "resources.yml").write_text(content)


def test_every_profile_of_the_book_says_what_its_notebooks_ask_for() -> None:
    known = yaml.safe_load((ROOT / "notebooks/profiles.yml").read_text())
    for profile in known:
        asked = resources.load(profile, ROOT / "notebooks")
        assert set(asked) == set(known[profile])


def test_notebooks_on_a_gpu_ask_for_one() -> None:
    given = profiles.load("gpu", ROOT / "notebooks")
    assert resources.gpus(given["one_pass"]) == 1
    assert resources.gpus(given["recovery"]) == 0


def test_a_notebook_asks_for_what_is_said_of_it_and_otherwise_of_each(folder: Path) -> None:
    write(folder, "cpu: {each: {mem_mb: 10, runtime: 2}, two: {runtime: 5}}")
    asked = resources.load("cpu", folder)
    assert asked == {"one": {"mem_mb": 10, "runtime": 2}, "two": {"mem_mb": 10, "runtime": 5}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("cpu: {", "not readable YAML"),
        ("smoke: {each: {mem_mb: 10, runtime: 2}}", "profile='cpu' is not known"),
        ("cpu: {each: {mem_mb: 10}}", "expected `each:"),
        ("cpu: {each: {mem_mb: 10, runtime: 2}, tow: {}}", "notebook='tow' is not known. Did you mean 'two'"),
        ("cpu: {each: {mem_mb: 10, runtime: 2}, two: {runtime: 1h}}", "two: {'runtime': '1h'}, expected"),
        ("cpu: {each: {mem_mb: 0, runtime: 2}}", "whole numbers"),
        ("cpu: {each: {mem_mb: 10, runtime: 2}, two: {gpus: 2}}", "expected {mem_mb: MB, runtime: minutes}"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, content: str, told: str) -> None:
    write(folder, content)
    with pytest.raises(InputError) as refused:
        resources.load("cpu", folder)
    assert told in str(refused.value)
