"""What methods have in common that train parameters which the model already has."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from lintune.methods.layers import fresh, trained
from lintune.tangents import Site


class OwnParameters:
    """A method without parameters of its own making: its values take the places of the model's.

    Such a method needs no forward: `torch.func.functional_call` runs the model with other parameters.

    Attributes:
        only: Short name of the one parameter that is trained at each site; None for all of them.
    """

    only: ClassVar[str | None] = None

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return copies of the site's parameters that are trained; a tied weight is the embedding's."""
        return {name: fresh(parameter, parameter) for name, parameter in self._trained(site).items()}

    def parameters(self, site: Site) -> int:
        """Return the number of entries of the site's parameters that are trained."""
        return sum(parameter.numel() for parameter in self._trained(site).values())

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the values: they are the site's own parameters.

        Raises:
            InputError: The values are not those of `start`.
        """
        shapes = {name: tuple(value.shape) for name, value in self._trained(site).items()}
        return dict(zip(shapes, trained(site, values, shapes), strict=True))

    def _trained(self, site: Site) -> dict[str, torch.nn.Parameter]:
        return {name: value for name, value in site.parameters.items() if self.only in (None, name)}
