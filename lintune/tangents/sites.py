"""The places in a model whose parameters can be tuned, by name: linear layers, norms, tables, the head."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from lintune.errors import InputError

Kind = Literal["linear", "norm", "table", "head"]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Site:
    """A module that owns parameters.

    Attributes:
        name: Its qualified name.
        kind: `linear` (a weight matrix applied to each token, GPT-2's Conv1D among them), `norm` (an
            elementwise gain and perhaps an offset), `table` (an embedding) or `head` (the output
            embedding, whose rows of the label words alone matter).
        module: The module.
        block: Index of the repeated block it lies in; None for what comes before and after the blocks.
        tied: Whether it is a head whose weight is the input embedding's.
    """

    name: str
    kind: Kind
    module: nn.Module
    block: int | None
    tied: bool = False
    _remembered: dict[int, tuple[object, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Its own parameters by short name; a tied weight is the embedding's."""
        found = dict(self.module.named_parameters(recurse=False))
        return {name: value for name, value in found.items() if not (self.tied and name == "weight")}

    def once(self, owner: object, compute: Callable[[], Found]) -> Found:
        """Return what an owner needs here again and again, such as a decomposition, computed once.

        It stays while this object lives, and is for parameters as they are now: after a change in place
        look the sites up anew.

        Args:
            owner: Whose it is, by identity; it can have one such thing here.
            compute: Computes it.
        """
        if id(owner) not in self._remembered:
            self._remembered[id(owner)] = (owner, compute())  # the owner is kept: its id stays its own
        found: Found = self._remembered[id(owner)][1]
        return found


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


def all_sites(model: PreTrainedModel) -> dict[str, Site]:
    """Return every site of a model by qualified name, in the order of the model's modules.

    Modules whose parameters are none of the four kinds are left out; `uncovered` names them. So is a
    head that has nothing of its own.
    """
    block = {id(part): index for index, whole in enumerate(blocks_of(model)) for part in whole.modules()}
    head = model.get_output_embeddings()
    sites = {}
    for name, module in model.named_modules():
        kind = _kind(module, head)
        if kind is not None:
            site = Site(name, kind, module, block.get(id(module)), kind == "head" and is_tied(model))
            if site.parameters:
                sites[name] = site
    return sites


def in_order(model: PreTrainedModel, *targeted: Mapping[str, Site]) -> dict[str, Site]:
    """Return all targeted sites by name, each once, in the order of the model's modules."""
    wanted = {name: site for sites in targeted for name, site in sites.items()}
    return {name: wanted[name] for name in all_sites(model) if name in wanted}


def uncovered(model: PreTrainedModel) -> list[str]:
    """Return the names of the parameters that belong to no site."""
    covered = {id(parameter) for site in all_sites(model).values() for parameter in site.parameters.values()}
    return [name for name, parameter in model.named_parameters() if id(parameter) not in covered]


def is_tied(model: PreTrainedModel) -> bool:
    """Say whether the head shares its weight with the input embedding."""
    head = model.get_output_embeddings()
    return head is not None and head.weight is model.get_input_embeddings().weight


def linear_weight(site: Site) -> torch.Tensor:
    """Return a linear layer's weight as `(d_out, d_in)`; GPT-2's Conv1D keeps its transpose."""
    weight = site.parameters["weight"]
    return weight.T if isinstance(site.module, Conv1D) else weight


def tunable_layers(model: PreTrainedModel) -> dict[str, Site]:
    """Return the linear layers inside the blocks (attention and MLP weights) by qualified name."""
    return {
        name: site
        for name, site in all_sites(model).items()
        if site.kind == "linear" and site.block is not None
    }


def lowest_of_top(model: PreTrainedModel, depth: int) -> int:
    """Return the index of the lowest of the last `depth` blocks.

    Raises:
        InputError: The model has fewer blocks.
    """
    total = len(blocks_of(model))
    if not 1 <= depth <= total:
        raise InputError(f"depth={depth} must be from 1 to {total}, the number of blocks.")
    return total - depth


def top_layers(model: PreTrainedModel, depth: int) -> tuple[str, ...]:
    """Return the names of the linear layers in the last `depth` blocks.

    Raises:
        InputError: The model has fewer blocks.
    """
    lowest = lowest_of_top(model, depth)
    return tuple(name for name, site in tunable_layers(model).items() if (site.block or 0) >= lowest)


def select(sites: dict[str, Site], patterns: Sequence[str] | None = None) -> dict[str, Site]:
    """Return the sites whose qualified name matches any of the patterns.

    Args:
        sites: Sites by name.
        patterns: Shell-style patterns such as `*.q_proj` or `model.layers.2?.*`; None for all.

    Raises:
        InputError: There are no sites, no patterns, or a pattern matches none.
    """
    if isinstance(patterns, str) or (patterns is not None and not patterns):
        raise InputError(f"targets={patterns!r} must be patterns in a list, at least one, or None for all.")
    if not sites:
        raise InputError("targets: the model has no places of the kind that the method tunes.")
    if patterns is None:
        return sites
    exact = sites.keys() & set(patterns)  # many methods name each layer; matching all with all takes long
    wild = [pattern for pattern in patterns if pattern not in exact]
    for pattern in wild:
        if not any(fnmatchcase(name, pattern) for name in sites):
            kinds = sorted({name.rpartition(".")[2] for name in sites})
            raise InputError(
                f"targets={pattern!r} matches none of the {len(sites)} places that can be tuned"
                f", such as {next(iter(sites))!r}; the last parts of their names are {', '.join(kinds)}."
            )
    return {
        name: site for name, site in sites.items() if name in exact or any(fnmatchcase(name, p) for p in wild)
    }


def _kind(module: nn.Module, head: nn.Module | None) -> Kind | None:
    own = dict(module.named_parameters(recurse=False))
    if not own:
        return None
    if module is head:
        return "head"
    if isinstance(module, nn.Embedding):
        return "table"
    if isinstance(module, nn.Linear | Conv1D):
        return "linear"
    elementwise = set(own) <= {"weight", "bias"} and "weight" in own
    return "norm" if elementwise and all(value.ndim == 1 for value in own.values()) else None


def _size(blocks: Iterable[nn.Module]) -> int:
    return sum(parameter.numel() for block in blocks for parameter in block.parameters())
