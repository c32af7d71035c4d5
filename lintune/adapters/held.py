"""The child of a layer that holds what a method trains there, and computes what the layer does with it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from lintune.adapters.fitting import CHILD
from lintune.methods import LayerMethod
from lintune.tangents import Site, linear_weight


class Held(nn.Module):
    """Trained parameters of one layer.

    The layer's forward is set to this one's, a bound method, so that a copy of the model computes with the
    copy of the parameters.
    """

    def __init__(self, method: LayerMethod, site: Site, values: Mapping[str, torch.Tensor]) -> None:
        """Hold copies of the values, by short name; halves in float32, or small updates would be lost."""
        super().__init__()
        for short, value in values.items():
            wide = value.detach().to(torch.promote_types(value.dtype, torch.float32), copy=True)
            self.register_parameter(short, nn.Parameter(wide))
        self._method = method
        self._site = replace(site)  # with a memory of its own; as no module it is no part of the state
        self._for = _kind(self._site)
        self._before: Any = None

    def install(self) -> None:
        """Let the layer compute with the parameters."""
        module = self._site.module
        self._before = vars(module).get("forward")
        module.forward = self.forward

    def remove(self) -> None:
        """Take the parameters out of the layer, which computes what it did before."""
        module = self._site.module
        del module.forward
        if self._before is not None:
            module.forward = self._before
        delattr(module, CHILD)

    def values(self) -> dict[str, nn.Parameter]:
        """Return the parameters by short name."""
        return dict(self.named_parameters(recurse=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the layer computes with the parameters, `(..., d_out)` for `(..., d_in)`."""
        if self._for != _kind(self._site):  # the model moved: what is remembered did not
            self._site = replace(self._site)
            self._for = _kind(self._site)
        here = {short: value.to(self._for[0]) for short, value in self.values().items()}
        return self._method.forward(self._site, here, x)


def _kind(site: Site) -> tuple[torch.dtype, torch.device]:
    weight = linear_weight(site)
    return weight.dtype, weight.device
