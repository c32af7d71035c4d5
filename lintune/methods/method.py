"""What a fine-tuning method says of itself so that its tangent kernel can be computed."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from transformers import PreTrainedModel

from lintune.methods.forms import Form
from lintune.tangents import Site, Tap, select, tunable_layers


class Method(Protocol):
    """A way to fine-tune a model, at its starting point.

    A method trains some parameters at each targeted site. `gradients` says what the gradients of the
    outputs for these parameters are, at the pretrained function, from what the site sees; everything
    else about the kernel follows. Nothing is attached to the model and no further pass is made.
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


def count_parameters(method: Method, model: PreTrainedModel) -> int:
    """Return how many numbers a method trains in a model."""
    return sum(method.parameters(site) for site in method.sites(model).values())
