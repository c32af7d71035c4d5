"""What a notebook depends on: its imports, theirs, and the packages on the way; nothing else."""

from pathlib import Path

import pytest

from lintune.errors import InputError
from pipeline.dependencies import files_of
from tests.pipeline.project import notebook

MODULES = {
    "__init__.py": "",
    "alone.py": "",
    "base.py": "",
    "middle.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {package} import alone\n"
    "from {package}.base import thing\n",
    "late.py": "def f():\n    import {package}.base\n",
    "room/__init__.py": "from {package}.room.door import handle\n",
    "room/door.py": "from .lock import key\n",
    "room/lock.py": "",
    "room/attic.py": "from {package} import alone\n",
    "room/table.csv": "1,2",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    name = (
        f"library_{abs(hash(request.node.name))}"  # imported packages stay known to Python: a name per test
    )
    for path, content in MODULES.items():
        target = tmp_path / name / path
        target.parent.mkdir(exist_ok=True, parents=True)
        target.write_text(content.format(package=name))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import numpy", []),
        ("import {package}", ["__init__.py"]),
        ("from {package} import alone", ["__init__.py", "alone.py"]),
        ("%matplotlib inline\nfrom {package}.base import thing", ["__init__.py", "base.py"]),
        ("def f():\n    import {package}.middle", ["__init__.py", "base.py", "middle.py"]),
        ("import {package}.late as late", ["__init__.py", "base.py", "late.py"]),
        (
            "from {package}.room.lock import key",
            ["__init__.py", "room/__init__.py", "room/door.py", "room/lock.py", "room/table.csv"],
        ),
        (
            "from {package}.room import attic",
            [
                "__init__.py",
                "alone.py",
                "room/__init__.py",
                "room/attic.py",
                "room/door.py",
                "room/lock.py",
                "room/table.csv",
            ],
        ),
    ],
)
def test_closure(package: str, code: str, expected: list[str]) -> None:
    Path("example.md").write_text(notebook(code.format(package=package)))
    found = files_of(Path("example.md"), package)
    assert [path.relative_to(package).as_posix() for path in found] == expected


def test_invalid_code_is_refused(package: str) -> None:
    Path("example.md").write_text(notebook("from ("))
    with pytest.raises(InputError, match="is not valid Python"):
        files_of(Path("example.md"), package)
