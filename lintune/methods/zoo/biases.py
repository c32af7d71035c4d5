"""BitFit: only the biases are trained (Ben Zaken et al., 2022)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from transformers import PreTrainedModel

from lintune.errors import InputError
from lintune.methods.forms import Form
from lintune.methods.own import OwnParameters
from lintune.methods.registry import register
from lintune.methods.zoo.full import bias_gradients
from lintune.tangents import Site, Tap, all_sites, select


@register("biases")
@dataclass(frozen=True)
class Biases(OwnParameters):
    """Train the biases of linear layers, norms and the head.

    Attributes:
        targets: Shell-style patterns of site names; None for every bias of the model.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "biases"
    only: ClassVar[str | None] = "bias"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted sites that have a bias.

        Raises:
            InputError: There is none, as in most recent causal models.
        """
        with_bias = {name: site for name, site in all_sites(model).items() if "bias" in site.parameters}
        if not with_bias:
            raise InputError(f"method 'biases': {type(model).__name__} has no biases to tune.")
        return select(with_bias, self.targets)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g."""
        return bias_gradients(tap)
