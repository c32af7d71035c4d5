"""Which files of the library a notebook depends on: a change re-runs those notebooks and no others."""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

from lintune.errors import InputError
from pipeline import sources


def files_of(source: Path, package: str = "lintune") -> list[Path]:
    """Return the files of a package that a notebook depends on, sorted; relative below the working directory.

    These are the modules that its code cells import, whatever those import in turn, the `__init__` of each
    package on the way, and the data files beside it.

    Raises:
        InputError: A code cell is not valid Python.
    """
    graph = _graph(package)
    found: set[str] = set()
    waiting = {known for name in _imported(source) for known in _known(name, graph.modules)}
    while waiting:
        found |= waiting
        needed = {upstream for module in waiting for upstream in graph.find_upstream_modules(module)}
        parents = {parent for module in found | needed for parent in _known(module, graph.modules)}
        waiting = (needed | parents) - found
    root = _folder(package)
    here = Path.cwd()  # relative, so that a moved clone is not taken for a changed one
    files = (path for module in found for path in _files(module, root))
    return sorted(path.relative_to(here) if path.is_relative_to(here) else path for path in files)


@cache
def _graph(package: str) -> grimp.ImportGraph:
    # No cache on disk: grimp keys it by modification time, and a library of this size takes milliseconds.
    return grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)


def _folder(package: str) -> Path:
    # Found, not imported: the library behind takes seconds to import, and may be broken at the moment.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(f"package={package!r} is not found; run this in the project's folder.")
    return Path(spec.origin).parent


def _imported(source: Path) -> Iterator[str]:
    """Yield every dotted name that the code cells may import; `from a import b` may mean the module a.b."""
    for tree in _trees(source):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _trees(source: Path) -> Iterator[ast.Module]:
    try:
        yield from (tree for _, tree in sources.code_of(sources.read(source)))
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _known(name: str, modules: set[str]) -> set[str]:
    """Return the modules that importing a dotted name executes: itself, where it is one, and its parents."""
    parts = name.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)} & modules


def _files(module: str, root: Path) -> list[Path]:
    """Return the file of a module below the folder of its package, for a package with its data files."""
    path = root.joinpath(*module.split(".")[1:])
    if not path.is_dir():
        return [path.with_suffix(".py")]
    return [path / "__init__.py", *(file for file in path.iterdir() if file.is_file() and _is_data(file))]


def _is_data(file: Path) -> bool:
    return file.suffix not in {".py", ".pyc"} and not file.name.startswith(".")
