"""What is looked at: a method on copies of a model, with values at the start, by chance, and trained."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeGuard

import torch

from lintune.descent import Recipe, descend, loss_for
from lintune.finetune.network import Network
from lintune.methods import LayerMethod, Method, OwnParameters
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import Classifier
from lintune.tangents import Site, in_order, linear_weight
from lintune.tasks import Examples

Values = dict[str, torch.Tensor]

_STEPS = Recipe(learning_rate=0.01, steps=3, loss="cross-entropy", optimiser="adam")


class Subject:
    """A method on a copy of a model in float64, so that what happens to the copy happens to no one else.

    Attributes:
        method: The method.
        prompted: The function with a copy of the model, float64.
        examples: The examples.
    """

    def __init__(self, method: Method, prompted: Classifier, examples: Examples) -> None:
        """Copy the model.

        Raises:
            InputError: The method has no layer to tune in this model.
        """
        method.sites(prompted.pretrained.model)
        self.method = method
        self.prompted = in_dtype(prompted, torch.float64)
        self.examples = examples

    @cached_property
    def sites(self) -> dict[str, Site]:
        """The targeted sites by name, in the order of the model's modules."""
        model = self.prompted.pretrained.model
        return in_order(model, self.method.sites(model))

    @cached_property
    def attached(self) -> Attached:
        """The outputs as a function of the trained values."""
        return Attached(self.prompted, self.method)

    @cached_property
    def prepared(self) -> Prepared:
        """The examples, made ready."""
        return self.attached.prepare(self.examples)

    @cached_property
    def trained(self) -> Values:
        """The values after a few steps of Adam on the labels of the examples, penalty included."""
        network = Network(self.attached, self.prepared)
        loss = loss_for(_STEPS.loss, self.examples.labels, self.prompted.classes)
        for _ in descend(network, loss, _STEPS, self.attached.penalty):
            pass
        return {name: value.detach() for name, value in network.values.items()}

    @cached_property
    def shapes(self) -> list[Site]:
        """One site for every shape of values and weight, since a large model repeats itself."""
        found: dict[object, Site] = {}
        for site in self.sites.values():
            values = self.method.start(site)
            key = (
                type(site.module),
                tuple((name, value.shape) for name, value in values.items()),
                tuple((name, value.shape) for name, value in site.parameters.items()),
            )
            found.setdefault(key, site)
        return list(found.values())


def changes_layers(method: Method) -> TypeGuard[LayerMethod]:
    """Whether a method says what layers compute; any other trains parameters that the model has."""
    return not isinstance(method, OwnParameters)


def in_dtype(prompted: Classifier, dtype: torch.dtype) -> Classifier:
    """Return the function with a copy of its model in another dtype."""
    model = copy.deepcopy(prompted.pretrained.model)
    model.to(dtype)  # type: ignore[arg-type]  # its decorator hides the signature
    copied = copy.copy(prompted)
    copied.pretrained = replace(prompted.pretrained, model=model.requires_grad_(False))
    return copied


def moved(values: Mapping[str, torch.Tensor], seed: int = 0, by: float = 0.1) -> Values:
    """Return the values with noise in proportion to their size; zeros get noise of the size `by`."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, value in values.items():
        noise = torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
        size = float(value.double().square().mean().sqrt()) or 1.0
        found[name] = value + by * size * noise
    return found


def inputs_of(site: Site, seed: int = 0) -> torch.Tensor:
    """Return inputs `(2, 3, d_in)` of a linear layer by chance, in its dtype and on its device."""
    weight = linear_weight(site)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, weight.shape[1], generator=generator, dtype=torch.float64).to(weight)


def relative(found: torch.Tensor, expected: torch.Tensor, scale: torch.Tensor | None = None) -> float:
    """Return the largest difference over the largest entry, of `expected` or of another scale."""
    largest = float((expected if scale is None else scale).detach().abs().max())
    apart = float((found - expected.to(found)).detach().abs().max())
    return apart / largest if largest else apart
