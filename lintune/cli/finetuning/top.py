"""A method in the top blocks alone."""

import dataclasses
from fnmatch import fnmatchcase
from typing import Any

from transformers import PreTrainedModel

from lintune.errors import InputError
from lintune.methods import Method
from lintune.tangents import lowest_of_top


def in_top(method: Method, model: PreTrainedModel, depth: int) -> Method:
    """Return the method with those of its targets that lie in the last `depth` blocks.

    Raises:
        InputError: The model has fewer blocks, or the method trains nothing in them.
    """
    lowest = lowest_of_top(model, depth)
    sites = method.sites(model)
    names = [name for name, site in sites.items() if site.block is not None and site.block >= lowest]
    if not names:
        raise InputError(f"depth={depth}: {method.name!r} trains nothing in those blocks.")
    chosen: Any = method
    patterns = getattr(method, "feedforward", None)
    if patterns is None:
        return dataclasses.replace(chosen, targets=tuple(names))
    inputs = tuple(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns))
    others = tuple(name for name in names if name not in inputs)
    return dataclasses.replace(chosen, targets=others, feedforward=inputs)
