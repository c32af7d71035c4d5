"""What a linear layer computes, and the values of the parameters that are trained at it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from lintune.errors import InputError
from lintune.tangents import Site, linear_weight


def fresh(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a copy of the values, contiguous, of another tensor's dtype and device."""
    copy: torch.Tensor = values.detach().to(like, copy=True, memory_format=torch.contiguous_format)
    return copy


def own_output(site: Site, x: torch.Tensor) -> torch.Tensor:
    """Return W x + b `(..., d_out)` for inputs `(..., d_in)`: the layer as the model has it."""
    return functional.linear(x, linear_weight(site), site.parameters.get("bias"))


def products(site: Site, x: torch.Tensor) -> torch.Tensor:
    """Return W x `(..., d_out)` for inputs `(..., d_in)`, without the bias."""
    return functional.linear(x, linear_weight(site))


def with_bias(site: Site, outputs: torch.Tensor) -> torch.Tensor:
    """Return outputs `(..., d_out)` with the layer's bias, where it has one."""
    bias = site.parameters.get("bias")
    return outputs if bias is None else outputs + bias


def with_weight(site: Site, weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return a layer's new weight `(d_out, d_in)` as its own parameter, transposed where the layer's is."""
    own = weight.T if isinstance(site.module, Conv1D) else weight
    return {"weight": own.contiguous()}


@contextmanager
def constants() -> Iterator[None]:
    """Compute what depends on no trained value as outside the transforms of `torch.func`.

    Inside one, results end with the transform, so that none may be remembered, and `vmap` refuses draws.
    """
    with torch._C._DisableFuncTorch():
        yield


def trained(
    site: Site, values: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> list[torch.Tensor]:
    """Return the values of a site's parameters, in the order of their shapes.

    Raises:
        InputError: They are not those that the method trains there: a wrong shape might be broadcast.
    """
    found = {name: tuple(value.shape) for name, value in values.items()}
    if found != shapes:
        raise InputError(f"values={found} at {site.name!r}; the method trains {dict(shapes)}.")
    return [values[name] for name in shapes]
