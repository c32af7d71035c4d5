"""What a method declares: options with defaults, a name, its faces, its budget, its values at the start."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import partial
from typing import Any

import torch

from lintune.checks.result import Property
from lintune.checks.subject import Subject, changes_layers, inputs_of, moved
from lintune.methods import LayerMethod, Method
from lintune.tangents import Site

_FACES = ("sites", "gradients", "parameters", "start", "merged")


def options(subject: Subject) -> Property:
    """Ask for a frozen dataclass whose fields all have defaults: a name alone must make one."""
    made: Any = type(subject.method)
    if not is_dataclass(made):
        return Property(1, note="the class is no dataclass")
    frozen = bool(getattr(made, "__dataclass_params__").frozen)  # noqa: B009
    bare = [
        each.name
        for each in fields(made)
        if each.init and each.default is MISSING and each.default_factory is MISSING
    ]
    note = f"without a default: {', '.join(bare)}" if bare else "fields without a default"
    return Property(len(bare) + (not frozen), note=note if frozen else "the dataclass is not frozen")


def name(subject: Subject) -> Property:
    """Ask for a name, by which tables and files call the method."""
    given = subject.method.name
    size = len(given) if isinstance(given, str) else 0
    return Property(size, 1, at_least=True, note=f"characters of {given!r}")


def faces(subject: Subject) -> Property:
    """Ask for what a method must say of itself."""
    wanted = (*_FACES, "forward") if changes_layers(subject.method) else _FACES
    missing = [face for face in wanted if not callable(getattr(subject.method, face, None))]
    return Property(len(missing), note=f"missing: {', '.join(missing)}" if missing else "missing")


def budget(subject: Subject) -> Property:
    """Ask that `parameters` is what `start` holds, site by site."""
    worst, where = 0, next(iter(subject.sites))
    for layer, site in subject.sites.items():
        counted = sum(value.numel() for value in subject.method.start(site).values())
        if abs(counted - subject.method.parameters(site)) > worst:
            worst, where = abs(counted - subject.method.parameters(site)), layer
    return Property(worst, note=f"numbers declared but not there, or the reverse, at {where!r}")


def start(subject: Subject) -> Property:
    """Ask for values that are contiguous copies of the model's dtype and device, without a graph."""
    wrong = []
    for layer, site in subject.sites.items():
        own = {value.untyped_storage().data_ptr() for value in site.parameters.values()}
        for short, value in subject.method.start(site).items():
            like = value.dtype == torch.float64 and value.device == subject.prompted.device
            plain = like and value.is_contiguous() and not value.requires_grad
            if not plain or value.untyped_storage().data_ptr() in own:
                wrong.append(f"{layer}:{short}")
    note = "tensors that are no plain copies" + (f": {', '.join(wrong[:3])}" if wrong else "")
    return Property(len(wrong), note=note)


def independence(subject: Subject) -> Property:
    """Ask that a layer's values and outputs do not depend on which other layers are targeted."""
    method = subject.method
    if not any(each.name == "targets" for each in fields(method)):  # type: ignore[arg-type]
        return Property(note="the method has no targets")
    worst = 0.0
    for layer in (list(subject.sites)[0], list(subject.sites)[-1]):
        alone: Any = replace(method, targets=(layer,))  # type: ignore[type-var]
        site = alone.sites(subject.prompted.pretrained.model)[layer]
        worst = max(worst, _apart(partial(_start, site=site), method, alone))
        if changes_layers(method):
            values, x = moved(method.start(site)), inputs_of(site)
            worst = max(worst, _apart(partial(_answer, site=site, values=values, x=x), method, alone))
    return Property(worst, note="difference of the values or outputs of a layer targeted alone")


def _start(method: Method, site: Site) -> dict[str, torch.Tensor]:
    return method.start(site)


def _answer(
    method: LayerMethod, site: Site, values: dict[str, torch.Tensor], x: torch.Tensor
) -> dict[str, torch.Tensor]:
    return {"outputs": method.forward(site, values, x)}


def _apart(answer: Callable[[Any], dict[str, torch.Tensor]], method: Any, alone: Any) -> float:
    one, other = answer(method), answer(alone)
    if {name: part.shape for name, part in one.items()} != {name: part.shape for name, part in other.items()}:
        return float("inf")
    return max((float((one[name] - other[name]).abs().max()) for name in one), default=0.0)
