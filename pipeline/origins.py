"""Which records a cell of a notebook draws from: followed through the names of its code."""

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from pipeline.sources import code_of

OWN = ""  # the record that the notebook itself writes
_COMMITTED = re.compile(r"results/([\w.-]+)\.json")


def origins(notebook: NotebookNode) -> dict[int, set[str]]:
    """Return for each code cell the records that its names go back to.

    A name goes back to a record when it is assigned from an expression that reads or names one, or that uses
    such a name. Assignments are followed in the order of the cells, those inside functions included.

    Args:
        notebook: A notebook.

    Returns:
        By the place of the cell, the names of committed records without suffix, and `OWN` for the record that
        the notebook writes.

    Raises:
        InputError: A code cell is not valid Python.
    """
    known: dict[str, set[str]] = {}
    found = {}
    for place, tree in code_of(notebook):
        for statement in tree.body:
            sources = _sources(statement, known)
            # A plain assignment makes the name anew; a part that changes adds to what it was.
            anew = isinstance(statement, ast.Assign) and all(
                isinstance(to, ast.Name) for to in statement.targets
            )
            for name in set(_assigned(statement)):
                known[name] = sources | (set() if anew else known.get(name, set()))
        found[place] = _sources(tree, known)
    return found


def _sources(tree: ast.AST, known: dict[str, set[str]]) -> set[str]:
    """Return the records that a piece of code reads, names, or uses by a name known to hold one."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found |= known.get(node.id, set())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(_COMMITTED.findall(node.value))
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "records.write":
            found.add(OWN)
    return found


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement gives a value to, item assignments and definitions included."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            inner = node.value
            while isinstance(inner, (ast.Subscript, ast.Attribute)):
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield inner.id
        elif isinstance(node, ast.FunctionDef):
            yield node.name
