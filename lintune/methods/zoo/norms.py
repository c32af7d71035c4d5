"""Tuning the gains and offsets of the normalisations alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from lintune.methods.forms import Form
from lintune.methods.own import OwnParameters
from lintune.methods.registry import register
from lintune.methods.zoo.full import bias_gradients, weight_gradients
from lintune.tangents import Site, Tap, all_sites, select


@register("norms")
@dataclass(frozen=True)
class Norms(OwnParameters):
    """Train gains and offsets of layer norms and RMS norms.

    Attributes:
        targets: Shell-style patterns of site names; None for every norm of the model.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "norms"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted norms."""
        norms = {name: site for name, site in all_sites(model).items() if site.kind == "norm"}
        return select(norms, self.targets)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the sums of g times the normalised input, and of g where there is an offset."""
        return weight_gradients(tap) + bias_gradients(tap)
