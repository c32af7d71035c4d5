"""The options of a method as JSON and tensors, and back."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lintune.errors import InputError, unknown_name
from lintune.methods import METHODS, Method

_PREFIX = "option/"


def registered(method: Method) -> str:
    """Return the name by which a method's class is chosen.

    Raises:
        InputError: Its class is not registered, so that nobody could read it back.
    """
    for name, made in METHODS.items():
        if made is type(method):
            return name
    raise InputError(
        f"method={method.name!r} is a {type(method).__name__}, which is not registered; "
        "see lintune.methods.register."
    )


def packed(method: Method) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return all options of a method: what JSON can hold, and the tensors by name.

    A mapping of tensors stands in JSON as `{"tensors": [layers]}`, its tensors as `option/FIELD/LAYER`.

    Raises:
        InputError: An option is of a kind that is not known.
    """
    options: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    for field in _fields(type(method)):
        value = getattr(method, field)
        if isinstance(value, Mapping) and all(isinstance(part, torch.Tensor) for part in value.values()):
            options[field] = {"tensors": list(value)}
            tensors |= {f"{_PREFIX}{field}/{layer}": part for layer, part in value.items()}
        else:
            options[field] = _plain(field, value)
    return options, tensors


def unpacked(name: str, options: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Method:
    """Return the method of a name with options as `packed` gives them.

    Raises:
        InputError: There is no such method, it lacks an option, or refuses a value.
        KeyError: A tensor is missing.
    """
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    made: Any = METHODS[name]
    unknown = sorted(set(options) - set(_fields(made)))
    if unknown:
        raise InputError(f"method={name!r} has no option {unknown[0]!r} in this version of lintune.")
    given: dict[str, Any] = {}
    for field, value in options.items():
        if isinstance(value, Mapping) and set(value) == {"tensors"}:
            given[field] = {layer: tensors[f"{_PREFIX}{field}/{layer}"] for layer in value["tensors"]}
        else:
            given[field] = _frozen(value)
    method: Method = made(**given)
    return method


def _fields(made: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(made) if field.init]


def _plain(field: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(field, part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_plain(field, part) for part in value]
    raise InputError(f"{field}={value!r} is of a kind that no file of an adapter holds.")


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value
