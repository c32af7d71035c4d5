"""Notebook sources: jupytext files in `notebooks/`, read as notebooks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from lintune.errors import InputError, unknown_name

FOLDER = Path("notebooks")


def all_sources(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the notebook sources of a folder by name."""
    return {path.stem: path for path in sorted(folder.glob("*.md"))}


def first_of(contents: Path) -> str:
    """Return the name of the first notebook in the book's table of contents."""
    pages = re.findall(r"file:\s*notebooks/executed/(\w+)", contents.read_text(encoding="utf-8"))
    if not pages:
        raise InputError(
            f"{contents} names no notebook: expected lines like `file: notebooks/executed/NAME`."
        )
    return pages[0]


def read(source: Path) -> NotebookNode:
    """Read a source as a notebook whose cells are named by their place, not by chance.

    Raises:
        InputError: There is no such file, or it is not a notebook with code.
    """
    if not source.is_file():
        raise unknown_name("notebook", str(source), map(str, all_sources(source.parent).values()))
    try:
        notebook: NotebookNode = jupytext.read(source)
    except Exception as error:  # of the header jupytext lets through whatever PyYAML says
        raise InputError(f"{source} is not a notebook that jupytext reads: {error}") from error
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        raise InputError(f"{source} holds no code cell: expected a MyST notebook with a jupytext header.")
    number_cells(notebook)
    return notebook


def records_of(source: Path, folder: Path = Path("results")) -> list[str]:
    """Return the committed records that a notebook names, as `results/...json`; those that are there."""
    text = source.read_text(encoding="utf-8")
    return sorted(str(path) for path in folder.glob("*.json") if str(path) in text)


def code_of(notebook: NotebookNode) -> Iterator[tuple[int, ast.Module]]:
    """Yield place and syntax tree of each code cell; magics become calls.

    Raises:
        InputError: A code cell is not valid Python.
    """
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            try:
                yield place, ast.parse(TransformerManager().transform_cell(cell.source))
            except SyntaxError as error:
                raise InputError(f"code cell {place} is not valid Python: {error}") from error


def number_cells(notebook: NotebookNode) -> None:
    """Name each cell by its place: jupytext and papermill draw names at random, which changes every run."""
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{place}"
