"""Folding what was trained into the plain weights of a model."""

from collections.abc import Mapping

import torch
from torch import nn
from transformers import PreTrainedModel

from lintune.adapters.fitting import by_layer, check_free, fitted
from lintune.errors import InputError
from lintune.methods import Method
from lintune.tangents import in_order


def merge(model: PreTrainedModel, method: Method, values: Mapping[str, torch.Tensor]) -> None:
    """Change a model's weights in place to those with which it computes what was trained.

    All new weights are computed and checked before the first is changed. A weight that two modules share
    is one weight and changes for both. Whether the weights are those that training started from is not
    checked: merging twice changes them twice.

    Args:
        model: The pretrained model that training started from.
        method: The method.
        values: What was trained, by `layer:name`; any floating-point type.

    Raises:
        InputError: The values are not those that the method trains in this model, what it computes is no
            linear layer (the parallel adapter), or a method is attached to the model.
    """
    check_free(model)
    with torch.no_grad():
        for parameter, weight in _folded(model, method, values):
            parameter.copy_(weight)


def _folded(
    model: PreTrainedModel, method: Method, values: Mapping[str, torch.Tensor]
) -> list[tuple[nn.Parameter, torch.Tensor]]:
    """Return each parameter that changes, once, with its new value."""
    sites = in_order(model, method.sites(model))
    given = by_layer(sites, values)
    found: dict[int, tuple[nn.Parameter, torch.Tensor]] = {}
    for layer, site in sites.items():
        for short, weight in method.merged(site, fitted(method, site, given[layer])).items():
            parameter = site.parameters[short]
            _check(f"{layer}.{short}", parameter, weight, found.get(id(parameter)))
            found[id(parameter)] = (parameter, weight)
    return list(found.values())


def _check(
    name: str, parameter: nn.Parameter, weight: torch.Tensor, other: tuple[nn.Parameter, torch.Tensor] | None
) -> None:
    if weight.shape != parameter.shape or not bool(torch.isfinite(weight).all()):
        raise InputError(
            f"values: {name!r} would become {tuple(weight.shape)} with numbers that may not be finite; "
            f"it is {tuple(parameter.shape)}."
        )
    if other is not None and not torch.equal(other[1], weight):
        raise InputError(f"values: {name!r} is shared by two layers that would have it differently.")
