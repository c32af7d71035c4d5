"""What the cost of a cell grows with, read off a model's shapes and a method: no weights are needed."""

from collections.abc import Iterable
from dataclasses import dataclass

from transformers import PreTrainedModel

from lintune.methods import Method
from lintune.tangents import Site, blocks_of, linear_weight, tunable_layers


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model with a method.

    Attributes:
        kind: The method's registered name or another word for its kind, by which measurements are told apart.
        parameters: Numbers of the whole model.
        frozen: Blocks under the lowest tuned one, never run again.
        frozen_weights: Weights of the linear layers in them.
        tuned: The other blocks.
        tuned_weights: Weights of the linear layers in these.
        widths: Numbers that enter and leave these layers for each token.
        trained: Numbers that the method trains.
        outputs: Contrasts C - 1.
        itemsize: Bytes of a number.
    """

    kind: str
    parameters: int
    frozen: int
    frozen_weights: int
    tuned: int
    tuned_weights: int
    widths: int
    trained: int
    outputs: int
    itemsize: int

    @classmethod
    def of(cls, model: PreTrainedModel, method: Method, kind: str, classes: int) -> "Sizes":
        """Return the sizes; the model may be on the meta device, without weights.

        Raises:
            InputError: The method does not fit the model.
        """
        sites = method.sites(model)
        frozen = frozen_blocks(model, sites.values())
        below, above, widths = 0, 0, 0
        for site in tunable_layers(model).values():
            weight = linear_weight(site)
            if (site.block or 0) < frozen:
                below += weight.numel()
            else:
                above += weight.numel()
                widths += sum(weight.shape)
        return cls(
            kind,
            sum(parameter.numel() for parameter in model.parameters()),
            frozen,
            below,
            len(blocks_of(model)) - frozen,
            above,
            widths,
            sum(method.parameters(site) for site in sites.values()),
            classes - 1,
            model.dtype.itemsize,
        )


def frozen_blocks(model: PreTrainedModel, sites: Iterable[Site]) -> int:
    """Return how many blocks from the input on lie under the lowest of the tuned sites.

    It is `lintune.tangents.prefix.Prefix.depth`, without a function that could be run.
    """
    last = len(blocks_of(model)) - 1
    places = [last if site.kind == "head" else site.block for site in sites]
    return min((0 if place is None else place for place in places), default=0)
