"""Changes that training really made to weights: what the forms of a change are asked to match."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from transformers.pytorch_utils import Conv1D

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.finetune import Setup, finetune
from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.tangents import linear_weight
from lintune.tasks import FewShot


@dataclass(frozen=True, eq=False)
class Change:
    """A weight and what training made of it.

    Attributes:
        layer: Qualified name.
        weight: W_0 `(d_out, d_in)`, float64.
        change: W_end - W_0 `(d_out, d_in)`, float64.
    """

    layer: str
    weight: torch.Tensor
    change: torch.Tensor

    def __post_init__(self) -> None:
        """Refuse shapes that differ, and no change at all."""
        if self.weight.shape != self.change.shape or self.weight.ndim != 2:
            raise InputError(
                f"weight {tuple(self.weight.shape)} and change {tuple(self.change.shape)} of "
                f"{self.layer!r} must be matrices of one shape."
            )
        if not float(self.change.abs().max()) > 0:
            raise InputError(f"change=0 at {self.layer!r}: nothing was learnt there.")

    @cached_property
    def spectrum(self) -> torch.Tensor:
        """The singular values of the change, from the largest on."""
        return torch.linalg.svdvals(self.change)

    def floor(self, rank: int) -> float:
        """Return the relative error of the best change of rank r (Eckart and Young)."""
        return float(self.spectrum[rank:].norm() / self.spectrum.norm())


def real_changes(
    prompted: PromptedModel, split: FewShot, recipe: Recipe, targets: Sequence[str]
) -> tuple[list[Change], dict[str, float]]:
    """Fine-tune the weights of some layers, and return what became of each.

    Args:
        prompted: The function at the start.
        split: Training and test examples.
        recipe: How to train.
        targets: Shell-style patterns of layer names.

    Returns:
        The changes, layer by layer, and the last row of the run (see `lintune.finetune.Trajectory`).
    """
    method = Weights(list(targets))
    sites = method.sites(prompted.pretrained.model)
    run = finetune(Setup.of(prompted, method, split), recipe, at=[recipe.steps], twin=False)
    changes = []
    for layer, site in sites.items():
        end = run.values[f"{layer}:weight"].detach().double().cpu()
        end = end.T if isinstance(site.module, Conv1D) else end
        weight = linear_weight(site).detach().double().cpu()
        changes.append(Change(layer, weight, end - weight))
    return changes, dict(run.rows.iloc[-1])
