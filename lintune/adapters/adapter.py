"""A trained method: what was trained, by which method, on which weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from lintune.adapters.fitting import by_layer, fitted
from lintune.adapters.picks import picks
from lintune.methods import Method
from lintune.models import Pretrained
from lintune.tangents import in_order


@dataclass(frozen=True, eq=False)
class Adapter:
    """The result of a fine-tuning run.

    Attributes:
        method: The method, with all its options.
        values: The trained tensors by `layer:name`, as in `lintune.methods.attached.Attached.start`.
        model: Name of the pretrained model.
        weights: Fingerprint of the weights it starts from (`lintune.models.Pretrained`).
        picks: Rows, columns or entries that the method chose by a rule, ascending, by layer; empty where it
            chooses none or they are not known. `Adapter.of` finds them.
    """

    method: Method
    values: Mapping[str, torch.Tensor]
    model: str
    weights: str
    picks: Mapping[str, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, pretrained: Pretrained, method: Method, values: Mapping[str, torch.Tensor]) -> "Adapter":
        """Return what was trained on a pretrained model, with what the method picked there.

        Args:
            pretrained: The model that training started from, its weights unchanged.
            method: The method.
            values: The trained tensors by `layer:name`.

        Raises:
            InputError: The values are not those that the method trains in this model.
        """
        sites = in_order(pretrained.model, method.sites(pretrained.model))
        given = by_layer(sites, values)
        for layer, site in sites.items():
            fitted(method, site, given[layer])
        return cls(method, dict(values), pretrained.name, pretrained.weights, picks(method, sites))
