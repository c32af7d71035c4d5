"""Values of a method's options as people type them."""

import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lintune.errors import InputError

_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


class _NotOfThisKindError(Exception):
    """The text is no value of a kind."""


def read_value(made: type, field: str, text: str) -> object:
    """Return the value that a text means for a field of a dataclass, by the field's type.

    Known are int, float, bool (`true` or `false`), str, one of listed values, None (`none`), and texts
    with commas between them for a sequence.

    Args:
        made: The dataclass.
        field: One of its fields.
        text: What was typed.

    Raises:
        InputError: The text is none, or the field's type is none that can be typed.
    """
    kind = get_type_hints(made)[field]
    for each in _kinds(kind):
        try:
            return _read(each, text)
        except (_NotOfThisKindError, ValueError):
            continue
    accepted = ", ".join(dict.fromkeys(filter(None, map(_said, _kinds(kind)))))
    raise InputError(
        f"--option {field}={text!r} is not known; accepted: {accepted or 'nothing that is typed'}."
    )


def _kinds(kind: Any) -> list[Any]:
    """Return what a union is of, texts and None last: almost anything is a text."""
    parts = list(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else [kind]
    return sorted(parts, key=lambda part: part is str)


def _read(kind: Any, text: str) -> object:
    if kind is types.NoneType:
        if text.lower() == "none":
            return None
    elif kind is bool:
        if text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
    elif kind in (int, float, str):
        return kind(text)
    elif get_origin(kind) is Literal:
        for known in get_args(kind):
            if str(known) == text:
                return known
    elif isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Sequence):
        (part,) = get_args(kind)[:1]
        return tuple(_read(part, each.strip()) for each in text.split(","))
    raise _NotOfThisKindError


def _said(kind: Any) -> str:
    if kind is types.NoneType:
        return "none"
    if kind is bool:
        return "true, false"
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        return ""
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Sequence):
        return "values with commas between them"
    return {int: "a whole number", float: "a number", str: "a text"}.get(kind, "")
