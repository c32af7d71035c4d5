"""The environment: what is declared, what is locked, what is installed, and what would be let in."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pipeline.lock import EXTRAS
from pipeline.requirements import BUILD, CPU, CUDA, LOCKS, MAIN, PEERS, TOOLS, Pin, pins

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
DECLARED = {
    MAIN: [
        *PROJECT["dependencies"],
        *(line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra]),
    ],
    BUILD: PYPROJECT["build-system"]["requires"],
    TOOLS: PYPROJECT["dependency-groups"]["tools"],
    PEERS: [
        line.partition("#")[0].strip()
        for line in (ROOT / "benchmarks" / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line.partition("#")[0].strip()
    ],
}
PLACES = [
    (system, python) for system in ("linux", "darwin") for python in ("3.11.2", "3.11.9", "3.12.9", "3.13.9")
]


def locked(path: Path) -> list[Pin]:
    return pins(path.read_text(encoding="utf-8"))


def here(path: Path) -> dict[str, Pin]:
    """Return the pins of a lock that this machine needs, by name."""
    found = [
        pin for pin in locked(path) if pin.requirement.marker is None or pin.requirement.marker.evaluate()
    ]
    return {pin.name: pin for pin in found}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_each_package_once_wherever_it_is_installed(path: Path) -> None:
    for system, python in PLACES:
        names = [pin.name for pin in locked(path) if pin.needed(system, python=python)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_says_neither_where_packages_are_nor_which_build(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    options = {line.split()[0] for line in text.splitlines() if line.startswith("-")}
    assert options <= {"--only-binary", "--no-binary"}
    assert "://" not in text
    assert "@" not in text
    assert path == CPU or not any("+" in pin.version for pin in locked(path))


@pytest.mark.parametrize(
    ("path", "declared"), [(path, line) for path, lines in DECLARED.items() for line in lines]
)
def test_a_lock_satisfies_what_is_declared(path: Path, declared: str) -> None:
    requirement = Requirement(declared)
    pinned = [pin for pin in locked(path) if pin.name == canonicalize_name(requirement.name)]
    assert all(requirement.specifier.contains(pin.version) for pin in pinned)
    for system, python in PLACES:
        assert requirement.marker or any(pin.needed(system, python=python) for pin in pinned)


def test_a_cpu_build_is_the_torch_of_the_main_lock() -> None:
    (torch,) = [pin for pin in locked(MAIN) if pin.name == "torch"]
    assert {pin.name: pin.version for pin in locked(CPU)} == {"torch": f"{torch.version}+cpu"}
    assert not any(pin.hashes & torch.hashes for pin in locked(CPU))


def test_the_second_lock_holds_what_torch_asks_for_on_linux_and_nothing_else() -> None:
    cuda = locked(CUDA)
    names = {pin.name for pin in cuda}
    assert not names & {pin.name for pin in locked(MAIN)}
    assert all(pin.needed("linux") and not pin.needed("darwin") for pin in cuda)
    assert all(pin.via <= names | {"torch"} for pin in cuda)
    assert any("torch" in pin.via for pin in cuda)


def test_what_several_locks_hold_has_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for path in set(LOCKS) - {CPU}:
        for name, pin in here(path).items():
            versions.setdefault(name, set()).add(pin.version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_what_is_locked_is_installed() -> None:
    pinned = here(MAIN)
    installed = {name: version(name).partition("+")[0] for name in pinned}
    assert installed == {name: pin.version for name, pin in pinned.items()}


@pytest.mark.slow
def test_what_is_installed_has_all_that_it_asks_for() -> None:
    said = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_cuda_comes_with_a_torch_that_is_built_for_it_and_only_then() -> None:
    installed = {canonicalize_name(each.name) for each in distributions()}
    wanted = set() if version("torch").endswith("+cpu") else set(here(CUDA))
    assert installed & {pin.name for pin in locked(CUDA)} == wanted


def test_the_renderer_is_the_line_that_reads_config_yml() -> None:
    assert here(MAIN)["jupyter-book"].version.startswith("1.")
    declared = next(
        line for line in PROJECT["optional-dependencies"]["book"] if line.startswith("jupyter-book")
    )
    assert not Requirement(declared).specifier.contains("2.0")


def test_torch_is_the_tested_one() -> None:
    assert here(MAIN)["torch"].version == "2.13.0"


def test_conda_gives_a_python_that_the_project_accepts_and_leaves_the_packages_to_make() -> None:
    content: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, make = content["dependencies"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert make == "make"


def told(*targets: str) -> list[list[str]]:
    """Return the words of every `pip install` that make would run for targets of a fresh checkout."""
    command = ["make", "--dry-run", "--always-make", *targets]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in re.findall(r"-m pip install([^;\n]*)", said.replace("\\\n", " "))]


def test_make_installs_nothing_without_a_hash_but_the_project_itself() -> None:
    installs = told("env", "benchmark", "lock", "audit")
    files = {words[words.index("-r") + 1] for words in installs if "-r" in words}
    assert files == {path.name for path in LOCKS}
    for words in installs:
        assert {"--no-deps", "--no-build-isolation"} <= set(words)
        assert "--require-hashes" in words or words[-2:] == ["-e", "."]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Return a package in a folder of its own, made here."""
    (tmp_path / "wheels").mkdir()
    path = tmp_path / "wheels" / "harmless-1.0-py3-none-any.whl"
    info = "harmless-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("harmless.py", "")
        packed.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: harmless\nVersion: 1.0\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("tampered", [False, True])
def test_an_archive_with_another_hash_is_refused(tmp_path: Path, wheel: Path, tampered: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "pip", "hash", wheel], capture_output=True, text=True, check=True
    )
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"harmless==1.0 {said.stdout.splitlines()[-1]}\n")
    if tampered:
        with zipfile.ZipFile(wheel, "a") as packed:
            packed.writestr("harmful.py", "")
    words = next(words for words in told("env") if "requirements.lock" in words)
    words[words.index("requirements.lock")] = str(lock)
    target = tmp_path / "installed"
    place = ["--isolated", "--no-index", "--find-links", str(wheel.parent), "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", *words, *place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is not tampered, done.stderr
    assert (target / "harmless.py").exists() is not tampered
    assert ("DO NOT MATCH THE HASHES" in done.stderr) is tampered
