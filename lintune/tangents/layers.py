"""Which weights of a model can be looked at, by name."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from lintune.errors import InputError


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """Return the repeated blocks of a transformer, from the input to the output.

    They are the entries of the module list that holds the most parameters.

    Raises:
        InputError: The model has no list of blocks.
    """
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module)]
    if not lists:
        raise InputError(
            f"{type(model).__name__} has no list of repeated blocks; only transformers are supported."
        )
    return list(max(lists, key=_size))


def _size(blocks: Iterable[nn.Module]) -> int:
    return sum(parameter.numel() for block in blocks for parameter in block.parameters())


def tunable_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """Return the linear layers inside the blocks (attention and MLP weights) by qualified name.

    Embeddings, normalisations and the head are not among them.
    """
    inside = {id(module) for block in blocks_of(model) for module in block.modules()}
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and id(module) in inside
    }


def select_layers(model: nn.Module, patterns: Sequence[str] | None = None) -> dict[str, nn.Linear]:
    """Return the tunable layers whose qualified name matches any of the patterns.

    Args:
        model: A transformers model.
        patterns: Shell-style patterns such as `*.q_proj` or `model.layers.2?.*`; None for all layers.

    Raises:
        InputError: A pattern matches no layer.
    """
    layers = tunable_layers(model)
    if patterns is None:
        return layers
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in layers):
            kinds = sorted({name.rpartition(".")[2] for name in layers})
            raise InputError(
                f"layers={pattern!r} matches none of the {len(layers)} linear layers, such as "
                f"{next(iter(layers))!r}; the last parts of their names are {', '.join(kinds)}."
            )
    return {name: layer for name, layer in layers.items() if any(fnmatchcase(name, p) for p in patterns)}
