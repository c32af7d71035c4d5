"""The rows, columns and entries that methods choose by a rule."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch

from lintune.methods import Columns, Entries, Method, Rows
from lintune.tangents import Site, linear_weight


def picks(method: Method, sites: Mapping[str, Site]) -> dict[str, torch.Tensor]:
    """Return what a method picks in each layer, int64 `(count,)`, ascending; empty where it picks nothing.

    For rows and columns these are their indices in the weight `(d_out, d_in)`, for entries the places in
    the flattened weight.

    Args:
        method: The method.
        sites: Its sites by name, their weights as they are before training.
    """
    if isinstance(method, Rows | Columns):
        return {
            name: method.indices(name, method.oriented(linear_weight(site))) for name, site in sites.items()
        }
    if isinstance(method, Entries):
        return {name: method.places(name, linear_weight(site)) for name, site in sites.items()}
    return {}


def pinned(method: Method, picked: Mapping[str, torch.Tensor]) -> Method:
    """Return the method with its picks given by number.

    By size, a rule may choose otherwise where the same weights have another dtype; the picks do not.
    """
    if not picked or not isinstance(method, Rows | Columns | Entries):
        return method
    rule = {layer: tuple(places.tolist()) for layer, places in picked.items()}
    return cast(Method, replace(method, rule=rule))
