"""What a fine-tuning method says of itself: its tangents, where it starts, what it computes."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from transformers import PreTrainedModel

from lintune.methods.forms import Form
from lintune.tangents import Site, Tap, select, tunable_layers


class Tangents(Protocol):
    """Gradients that a kernel can be taken of, from what each site sees.

    `gradients` says what the gradients of the outputs for some parameters are, at the pretrained function;
    everything else about the kernel follows. Nothing is attached to the model and no further pass is made.
    """

    @property
    def name(self) -> str:
        """Short name, used in tables and files."""
        ...

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted sites by name.

        Raises:
            InputError: A target matches nothing, or the method cannot be used there.
        """
        ...

    def gradients(self, tap: Tap) -> Sequence[Form]:
        """Return the gradients for the parameters trained at a site, one form per parameter."""
        ...

    def parameters(self, site: Site) -> int:
        """Return how many numbers are trained at a site."""
        ...


class Method(Tangents, Protocol):
    """A way to fine-tune a model.

    `start` says where training begins. The values of a method that changes what linear layers compute
    go into its `forward` (see `LayerMethod`); those of any other take the places of the model's own
    parameters of the same names.
    """

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        """Return the values of the parameters trained at a site where training starts, by short name.

        They are copies of the model's dtype and device that require no gradient, `parameters` numbers
        in all. With them the model computes what it did before.
        """
        ...

    def merged(self, site: Site, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return what a site's own parameters become when the trained values are folded into them.

        Args:
            site: One of the method's sites, its own parameters as they are in the model.
            values: By short name, as `start` returns them.

        Returns:
            New tensors by the short names of the site's parameters, in their layout (GPT-2's Conv1D keeps
            its weight transposed); those that do not change may be left out.

        Raises:
            InputError: What the method computes is no linear layer, or the values are not those of `start`.
        """
        ...


class LayerMethod(Method, Protocol):
    """A method whose parameters change what linear layers compute."""

    def forward(self, site: Site, values: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return what the layer computes with given values of its trained parameters, bias included.

        Differentiable in values and inputs, any number of times and in either mode.

        Args:
            site: One of the method's sites, its own parameters as they are in the model.
            values: By short name, as `start` returns them.
            x: Inputs `(..., d_in)`.

        Returns:
            The outputs `(..., d_out)`.

        Raises:
            InputError: The values' names or shapes are not those of `start`.
        """
        ...


@runtime_checkable
class Penalised(Protocol):
    """A method that may ask for a penalty on its own parameters, added to the loss in training.

    Attributes:
        penalised: Whether it does.
    """

    @property
    def penalised(self) -> bool:
        """Whether there is a penalty."""
        ...

    def penalty(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the penalty, a scalar, on the values of one site; differentiable."""
        ...


class OfLinearLayers:
    """What methods that change linear layers inside the blocks have in common."""

    targets: Sequence[str] | None

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted linear layers of the blocks; all where no targets are given."""
        chosen = select(tunable_layers(model), self.targets)
        for site in chosen.values():
            self.check(site)
        return chosen

    def check(self, site: Site) -> None:
        """Refuse a layer that the method does not fit, before anything is computed."""


def count_parameters(method: Tangents, model: PreTrainedModel) -> int:
    """Return how many numbers a method trains in a model."""
    return sum(method.parameters(site) for site in method.sites(model).values())
