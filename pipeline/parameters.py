"""Parameters of notebooks, checked before a kernel starts: papermill itself enforces neither names nor types.

A notebook declares its parameters in the cell tagged `parameters`, each on a line of its own with a type
and a literal default: `shots: int = 16  # examples per class`. Values are what JSON can say, as a record
holds them.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

import yaml
from pydantic import PydanticUserError, TypeAdapter, ValidationError

from lintune.errors import InputError, unknown_name
from pipeline import sources

_TYPES = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "dict": dict,
    "Optional": Optional,
}
_IN_TYPES = (ast.Expression, ast.Name, ast.Load, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Constant)
# What `ast` raises of a text that is no literal, or too long or nested too deep for one.
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    Attributes:
        name: Its name.
        annotation: Its type as the notebook writes it, such as `list[int]`.
        default: Its value where nothing else is said.
    """

    name: str
    annotation: str
    default: Any

    @cached_property
    def _type(self) -> TypeAdapter[Any]:
        tree = ast.parse(self.annotation, mode="eval")
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for name in sorted(names - set(_TYPES)):
            raise unknown_name(f"type of parameter {self.name}", name, _TYPES)
        try:
            if not all(isinstance(node, _IN_TYPES) for node in ast.walk(tree)):
                raise TypeError("names, brackets and | make a type")
            return TypeAdapter(eval(self.annotation, {"__builtins__": {}}, _TYPES))
        except (TypeError, PydanticUserError) as error:
            raise InputError(f"type of parameter {self.name}={self.annotation!r}: {error}.") from error

    def refusal(self, value: Any) -> str | None:
        """Return why a value is not of the parameter's type, or None when it is."""
        try:
            self._type.validate_python(value, strict=True)
        except ValidationError:
            hint = (
                " (YAML reads 1e-4 as text: write 1.0e-4)"
                if _is_number(value) and "float" in self.annotation
                else ""
            )
            return f"parameter {self.name}={value!r} is not of type {self.annotation}{hint}."
        if not _is_plain(value):
            return (
                f"parameter {self.name}={value!r} holds something else than finite numbers, texts, lists and "
                "dicts by text."
            )
        return None

    def from_text(self, text: str) -> Any:
        """Read a value from the command line: a Python literal, or the text itself where text is accepted."""
        if self.refusal(text) is None:
            return None if text == "None" and self.refusal(None) is None else text
        try:
            return ast.literal_eval(text)
        except _NO_LITERAL:
            return text


def _is_plain(value: Any) -> bool:
    """Return whether JSON says a value as it is: papermill and a record would hand on something else."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False).encode().decode()
        return bool(json.loads(text) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, str) and float(value) is not None
    except ValueError:
        return False


def declared(source: Path) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares.

    Raises:
        InputError: The cell holds something else than typed parameters with literal defaults of their type.
    """
    cells = [cell for cell in sources.read(source).cells if "parameters" in cell.metadata.get("tags", [])]
    try:
        parameters = [_declaration(line) for cell in cells[:1] for line in ast.parse(cell.source).body]
        refusals = [refusal for parameter in parameters if (refusal := parameter.refusal(parameter.default))]
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except _NO_LITERAL as error:
        raise InputError(f"{source}: the parameters cell is not understood: {error}") from error
    if refusals:
        raise InputError(f"{source}: the default of {refusals[0]}")
    return {parameter.name: parameter for parameter in parameters}


def _declaration(line: ast.stmt) -> Parameter:
    if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is None:
        raise InputError(f"expected lines like `shots: int = 16`, found `{ast.unparse(line)}`.")
    return Parameter(line.target.id, ast.unparse(line.annotation), ast.literal_eval(line.value))


def check(source: Path, given: Mapping[str, Any]) -> None:
    """Refuse parameters that a notebook does not have and values that are not of their type.

    Raises:
        InputError: With every fault, and for an unknown name the nearest ones.
    """
    known = declared(source)
    faults = []
    for name, value in given.items():
        fault = known[name].refusal(value) if name in known else str(unknown_name("parameter", name, known))
        faults += [fault] if fault else []
    if faults:
        raise InputError("\n".join(f"{source}: {fault}" for fault in faults))


def from_command_line(source: Path, assignments: list[str]) -> dict[str, Any]:
    """Return the values of `NAME=VALUE` options; names that are not known are left for `check`.

    Raises:
        InputError: An option has no `=`.
    """
    known = declared(source)
    given: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"parameter {assignment!r}: expected NAME=VALUE, such as shots=4.")
        given[name] = known[name].from_text(text) if name in known else text
    return given


def read_yaml(path: Path) -> Any:
    """Return what a YAML file of parameters holds.

    Raises:
        InputError: It cannot be read, is not YAML, or holds an alias, a few of which say gigabytes.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise InputError(f"{path}: aliases (*name) are not read; write the value out.")
        return yaml.safe_load(text)
    except InputError:
        raise
    except Exception as error:  # PyYAML lets through whatever Python says of a wrong number or date
        raise InputError(f"{path} is not readable YAML: {error}") from error
