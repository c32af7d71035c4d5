"""A method's parameters inside a model, for any training loop."""

from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel

from lintune.adapters.fitting import CHILD, attached, by_layer, check_free, fitted
from lintune.adapters.held import Held
from lintune.errors import InputError
from lintune.methods import LayerMethod, Method, OwnParameters, Penalised
from lintune.tangents import Site, in_order


def attach(
    model: PreTrainedModel, method: Method, values: Mapping[str, torch.Tensor] | None = None
) -> "Attachment":
    """Put a method's parameters into a model, and freeze everything else.

    `model.parameters()` then has exactly as many numbers that ask for gradients as the method trains.
    A method with a forward of its own gives each of its layers a child `lintune_adapter` that holds them; the
    layers keep their class, names and weights. One that trains the model's own parameters trains them in
    place. In a model in half precision what is added stays in float32, and its own parameters cannot be
    trained. Train on one device, or with one process per device; `torch.nn.DataParallel` is not for this.
    `save_pretrained` while attached writes the pretrained model with parts that nothing reads: merge, or
    save an `Adapter`.

    Args:
        model: The model; it is changed until `Attachment.detach`.
        method: The method.
        values: Where to begin, by `layer:name`; None for the method's start.

    Raises:
        InputError: The method does not fit the model, the values are not those that it trains there, a
            method is attached already, or parameters in half precision would be trained.
    """
    check_free(model)
    sites = in_order(model, method.sites(model))
    given = None if values is None else by_layer(sites, values)
    _check_precision(model, method, sites)
    begin = {
        layer: method.start(site) if given is None else fitted(method, site, given[layer])
        for layer, site in sites.items()
    }
    return Attachment(model, method, sites, begin)


def _check_precision(model: PreTrainedModel, method: Method, sites: Mapping[str, Site]) -> None:
    kinds = {parameter.dtype for site in sites.values() for parameter in site.parameters.values()}
    halves = kinds & {torch.float16, torch.bfloat16}
    if halves and isinstance(method, OwnParameters):
        raise InputError(
            f"model: {type(model).__name__} is in {halves.pop()}, in which small updates of its own "
            "parameters are lost to rounding; load it with dtype=torch.float32 to train them."
        )


class Attachment:
    """A method attached to a model by `attach`.

    Attributes:
        model: The model.
        method: The method.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        method: Method,
        sites: Mapping[str, Site],
        begin: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> None:
        """Attach; use `attach`, which checks first."""
        self.model = model
        self.method = method
        self._asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
        self._held: dict[str, Held] = {}
        self._start: dict[nn.Parameter, torch.Tensor] = {}
        model.requires_grad_(False)
        place = self._own if isinstance(method, OwnParameters) else self._add
        self._trained = {layer: place(site, begin[layer]) for layer, site in sites.items()}
        attached.add(model)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the trained parameters, for an optimiser."""
        return (parameter for here in self._trained.values() for parameter in here.values())

    def values(self) -> dict[str, torch.Tensor]:
        """Return copies of the trained parameters by `layer:name`."""
        return {
            f"{layer}:{short}": parameter.detach().clone()
            for layer, here in self._trained.items()
            for short, parameter in here.items()
        }

    def penalty(self) -> torch.Tensor:
        """Return what the method adds to the loss, a scalar; 0 where it adds nothing.

        It goes with a loss that is summed over the training set. Beside a mean, divide it by the number of
        training examples.
        """
        if isinstance(self.method, Penalised) and self.method.penalised:
            return torch.stack([self.method.penalty(here) for here in self._trained.values()]).sum()
        return next(self.parameters()).new_zeros(())

    def detach(self) -> None:
        """Leave the model as it was: weights, forwards, and which parameters ask for gradients."""
        for held in self._held.values():
            held.remove()
        with torch.no_grad():
            for parameter, start in self._start.items():
                parameter.copy_(start)
                parameter.grad = None
        for parameter, asked in self._asked.items():
            parameter.requires_grad_(asked)
        self._held, self._start = {}, {}
        attached.discard(self.model)

    def _own(self, site: Site, begin: Mapping[str, torch.Tensor]) -> dict[str, nn.Parameter]:
        """Train the site's own parameters, which keep a copy of what they were."""
        trained = {short: site.parameters[short] for short in begin}
        with torch.no_grad():
            for short, parameter in trained.items():
                self._start.setdefault(parameter, parameter.detach().clone())
                parameter.copy_(begin[short])
                parameter.requires_grad_(True)
        return trained

    def _add(self, site: Site, begin: Mapping[str, torch.Tensor]) -> dict[str, nn.Parameter]:
        """Give the site's module a child with the parameters, and let it compute with them."""
        held = Held(cast(LayerMethod, self.method), site, begin)
        site.module.add_module(CHILD, held)
        held.install()
        self._held[site.name] = held
        return held.values()
