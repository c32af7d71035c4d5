"""Trained values held against what a method trains in a model."""

from collections.abc import Iterable, Mapping
from weakref import WeakSet

import torch
from torch import nn

from lintune.errors import InputError
from lintune.methods import Method
from lintune.tangents import Site

# Name of the child that holds the trained parameters of a layer inside a model.
CHILD = "lintune_adapter"
# Models that a method is attached to.
attached: WeakSet[nn.Module] = WeakSet()


def by_layer(layers: Iterable[str], values: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Return values by layer and short name.

    Args:
        layers: The names of the method's sites.
        values: By `layer:name`.

    Raises:
        InputError: A value is of no such layer.
    """
    found: dict[str, dict[str, torch.Tensor]] = {layer: {} for layer in layers}
    for name, value in values.items():
        layer, _, short = name.rpartition(":")
        if layer not in found:
            raise InputError(
                f"values[{name!r}] is of no layer that the method trains, such as {next(iter(found))!r}."
            )
        found[layer][short] = value
    return found


def fitted(method: Method, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return one site's values in the dtype and on the device of what the method trains there.

    Raises:
        InputError: They are not those that the method trains, or not all finite numbers.
    """
    start = method.start(site)
    found = {name: tuple(value.shape) for name, value in values.items()}
    shapes = {name: tuple(value.shape) for name, value in start.items()}
    if found != shapes:
        raise InputError(f"values={found} at {site.name!r}; {method.name!r} trains {shapes} there.")
    for name, value in values.items():
        if not value.is_floating_point() or not bool(torch.isfinite(value).all()):
            raise InputError(f"values['{site.name}:{name}'] must be finite floating-point numbers.")
    return {name: values[name].detach().to(like) for name, like in start.items()}


def check_free(model: nn.Module) -> None:
    """Refuse a model that a method is attached to.

    Raises:
        InputError: There is one.
    """
    if model in attached or any(hasattr(module, CHILD) for module in model.modules()):
        raise InputError(f"model: a method is attached to this {type(model).__name__}; detach it first.")
