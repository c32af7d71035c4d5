"""From the options of a command to a method of fine-tuning."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from lintune.errors import InputError, unknown_name
from lintune.kernels import AsymmetricSignGD, SignGD
from lintune.methods import METHODS, Tangents

# Fields of methods that an option sets, by the option's name.
_FIELDS = {
    "rank": "rank",
    "alpha": "alpha",
    "targets": "targets",
    "feedforward": "feedforward",
    "count": "count",
    "rule": "rule",
    "method-seed": "seed",
}


def method_of(name: str, given: Mapping[str, object]) -> Tangents:
    """Return a method with the options that were given.

    Args:
        name: A key of `lintune.methods.METHODS`.
        given: Values by name of the option; None or an empty list for one that was not given.

    Raises:
        InputError: There is no such method, it does not have an option, or refuses its value.
    """
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    made: Any = METHODS[name]
    has = {field.name for field in dataclasses.fields(made)}
    chosen = {option: value for option, value in given.items() if value not in (None, [])}
    for option in chosen:
        if _FIELDS[option] not in has:
            known = [f"--{known}" for known, field in _FIELDS.items() if field in has]
            raise InputError(f"--{option} does not go with method={name!r}, which has {', '.join(known)}.")
    values = {_FIELDS[option]: _frozen(value) for option, value in chosen.items()}
    method: Tangents = made(**values)
    return method


def with_optimizer(method: Tangents, optimizer: str) -> Tangents:
    """Return the method as an optimizer sees it: `sgd`, `signgd` or `asymmetric-signgd`."""
    if optimizer == "sgd":
        return method
    return SignGD(method) if optimizer == "signgd" else AsymmetricSignGD(method)


def options_of(method: Tangents) -> str:
    """Return the values of all options of a method, those not given included, as JSON."""
    has = {field.name for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    return json.dumps({field: getattr(method, field) for field in _FIELDS.values() if field in has})


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
