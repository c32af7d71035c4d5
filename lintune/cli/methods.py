"""From the options of a command to a method of fine-tuning."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lintune.cli.values import read_value
from lintune.errors import InputError, unknown_name
from lintune.kernels import AsymmetricSignGD, SignGD
from lintune.methods import METHODS, Method, Tangents

# Fields of methods that have an option of their own, by its name; any other is set by --option FIELD=VALUE.
_FIELDS = {
    "rank": "rank",
    "alpha": "alpha",
    "targets": "targets",
    "feedforward": "feedforward",
    "count": "count",
    "rule": "rule",
    "method-seed": "seed",
}


def method_of(name: str, given: Mapping[str, object], extra: Sequence[str] | None = None) -> Method:
    """Return a method with the options that were given.

    Args:
        name: A key of `lintune.methods.METHODS`.
        given: Values by name of the option; None or an empty list for one that was not given.
        extra: More of them as `field=value`, read as the field's type says; None where a command takes none.

    Raises:
        InputError: There is no such method, it does not have an option, or refuses its value.
    """
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    made: Any = METHODS[name]
    has = _settable(made)
    chosen = {option: value for option, value in given.items() if value not in (None, [])}
    for option in chosen:
        if _FIELDS[option] not in has:
            known = _known(has, others=extra is not None)
            raise InputError(f"--{option} does not go with method={name!r}, which has {known}.")
    values = {_FIELDS[option]: _frozen(value) for option, value in chosen.items()}
    for field, value in _extra(name, made, has, extra or ()).items():
        if field in values:
            raise InputError(f"--option {field}={value}: {field} is given twice.")
        values[field] = value
    method: Method = made(**values)
    return method


def with_optimizer(method: Tangents, optimizer: str) -> Tangents:
    """Return the method as an optimizer sees it: `sgd`, `signgd` or `asymmetric-signgd`."""
    if optimizer == "sgd":
        return method
    return SignGD(method) if optimizer == "signgd" else AsymmetricSignGD(method)


def options_of(method: Tangents) -> str:
    """Return the options of a method as JSON: those with an option of their own, and others that were set."""
    made: Any = type(method)
    fields = {field.name: field for field in dataclasses.fields(made)}
    usual = [field for field in _FIELDS.values() if field in fields]
    others = [field for field in _settable(made) if field not in usual and _was_set(method, fields[field])]
    return json.dumps({field: getattr(method, field) for field in (*usual, *others)}, default=str)


def _extra(name: str, made: Any, has: Sequence[str], given: Sequence[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in given:
        field, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"--option {text!r} must be FIELD=VALUE.")
        if field not in has:
            raise InputError(f"--option {field} does not go with method={name!r}, which has {_known(has)}.")
        if field in values:
            raise InputError(f"--option {text}: {field} is given twice.")
        values[field] = read_value(made, field, value)
    return values


def _settable(made: Any) -> list[str]:
    """Return the names of a method's options; the name that it goes by is none."""
    return [field.name for field in dataclasses.fields(made) if field.init and field.name != "name"]


def _known(has: Sequence[str], others: bool = True) -> str:
    own = [f"--{option}" for option, field in _FIELDS.items() if field in has]
    more = [f"--option {field}=..." for field in has if others and field not in _FIELDS.values()]
    return ", ".join([*own, *more])


def _was_set(method: Tangents, field: Any) -> bool:
    return bool(getattr(method, field.name) != field.default)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
