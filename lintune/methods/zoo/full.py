"""Full fine-tuning: every parameter of the targeted sites is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from lintune.errors import InputError
from lintune.methods.forms import Form, Outer, Vector, summed
from lintune.methods.own import OwnParameters
from lintune.methods.registry import register
from lintune.tangents import (
    HeadTap,
    LinearTap,
    NormTap,
    Site,
    TableTap,
    Tap,
    all_sites,
    select,
    uncovered,
)


@register("full")
@dataclass(frozen=True)
class Full(OwnParameters):
    """Train all parameters of the model: weights, biases, norms, embeddings and the head.

    A weight that the head shares with the embedding is one parameter: its block stands under the
    embedding's name and holds both uses.

    Attributes:
        targets: Shell-style patterns of site names; None for the whole model.
        name: Short name.
    """

    targets: Sequence[str] | None = None
    name: str = "full"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the targeted sites.

        Raises:
            InputError: A target matches nothing; or no targets are given and the model has parameters
                of a kind whose gradients are not known.
        """
        missing = uncovered(model)
        if missing and self.targets is None:
            raise InputError(
                f"targets=None: nothing is known of the gradients for {', '.join(missing[:3])} "
                f"({len(missing)} such parameters); name the targets to leave them out."
            )
        return select(all_sites(model), self.targets)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the gradients for the weight and, where there is one, the bias."""
        return weight_gradients(tap) + bias_gradients(tap)


def weight_gradients(tap: Tap) -> list[Form]:
    """Return the gradient for a site's weight; none for a tied head, whose weight is the embedding's."""
    if isinstance(tap, LinearTap):
        return [Outer(tap.x, tap.g, tap.lengths)]
    if isinstance(tap, NormTap):
        return [summed((tap.g * tap.x).sum(dim=2), tap.lengths)]
    if isinstance(tap, TableTap):
        return [Outer(tap.rows, tap.g, tap.lengths)]
    assert isinstance(tap, HeadTap)
    if tap.tied:
        return []
    rows, g, lengths = tap.lookups()
    return [Outer(rows, g, lengths)]


def bias_gradients(tap: Tap) -> list[Form]:
    """Return the gradient for a site's bias, where it has one."""
    if isinstance(tap, TableTap) or tap.bias is None:  # type: ignore[attr-defined]
        return []
    if isinstance(tap, HeadTap):  # a logit's own bias; those of other words have no gradient
        return [Vector(tap.g.transpose(0, 1))]
    g = tap.g.sum(dim=2) if isinstance(tap, NormTap) else tap.g
    return [summed(g, tap.lengths)]
