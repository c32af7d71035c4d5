"""The environment is said in three places; they must say the same."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = PROJECT["dependencies"] + EXTRAS["book"] + EXTRAS["test"]


def _lock() -> list[Requirement]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _version(name: str) -> str:
    (pin,) = [pin for pin in _lock() if canonicalize_name(pin.name) == canonicalize_name(name)]
    (specifier,) = pin.specifier
    return specifier.version


def _conda() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return content


def test_the_lock_pins_each_package_once_and_exactly() -> None:
    pins = _lock()
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"==[^*+,]+", str(pin.specifier)) for pin in pins), (
        "a pin per line, no local build"
    )


@pytest.mark.parametrize("declared", DECLARED)
def test_the_lock_satisfies_what_the_project_declares(declared: str) -> None:
    requirement = Requirement(declared)
    assert requirement.specifier.contains(_version(requirement.name))


def test_the_renderer_is_the_line_that_reads_config_yml() -> None:
    assert _version("jupyter-book").startswith("1.")
    assert not Requirement(
        next(line for line in EXTRAS["book"] if line.startswith("jupyter-book"))
    ).specifier.contains("2.0")


def test_torch_is_the_tested_one() -> None:
    assert _version("torch") == "2.13.0"


def test_conda_installs_the_lock_on_a_python_that_the_project_accepts() -> None:
    dependencies = _conda()["dependencies"]
    (pip,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock", "-e ."]
    assert "pip" in dependencies
    (python,) = [entry for entry in dependencies if isinstance(entry, str) and entry.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
