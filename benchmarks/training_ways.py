"""Ways to train few numbers of a model: a method's parameters in it, peft's, and rows put together anew."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import peft
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from lintune.adapters import attach
from lintune.methods import Columns, LoRA, Method, Rows
from lintune.tangents import tunable_layers


@dataclass(frozen=True)
class Trainable:
    """A model in which some parameters ask for gradients.

    Attributes:
        model: What is called; the pretrained model or a wrapper of it.
        parameters: What is trained.
    """

    model: nn.Module
    parameters: list[nn.Parameter]

    @property
    def count(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters)


def attached(model: PreTrainedModel, method: Method) -> Trainable:
    """Attach one of lintune's methods."""
    return Trainable(model, list(attach(model, method).parameters()))


def peft_lora(model: PreTrainedModel, rank: int) -> Trainable:
    """Attach peft's LoRA to every linear layer of the blocks, without dropout, in the model's precision."""
    config = peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=list(tunable_layers(model))
    )
    wrapped = peft.get_peft_model(model, config)
    return Trainable(wrapped, [value for value in wrapped.parameters() if value.requires_grad])


def concatenated(model: PreTrainedModel, count: int, dim: int) -> Trainable:
    """Replace each linear layer of the blocks by one that puts its weight together at every forward.

    This is how the published implementation of RoCoFT trains the first rows (dim 0) or columns (dim 1).
    """
    model.requires_grad_(False)
    trained = []
    for name, site in tunable_layers(model).items():
        made = Concatenated(site.module, count, dim)
        parent, _, short = name.rpartition(".")
        setattr(model.get_submodule(parent), short, made)
        trained.append(made.some)
    return Trainable(model, trained)


class Concatenated(nn.Module):
    """A linear layer whose first rows or columns are a parameter and whose others are a buffer."""

    rest: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, layer: nn.Module, count: int, dim: int) -> None:
        """Take the weight of a layer apart."""
        super().__init__()
        weight = layer.get_parameter("weight").detach()
        some, rest = weight.split([count, weight.shape[dim] - count], dim=dim)
        self.some = nn.Parameter(some.clone())
        self.register_buffer("rest", rest.clone())
        self.register_buffer("bias", getattr(layer, "bias", None))
        self._dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return W x + b."""
        return functional.linear(x, torch.cat([self.some, self.rest], dim=self._dim), self.bias)


COUNT = 3  # rows or columns

WAYS: dict[str, Callable[[PreTrainedModel], Trainable]] = {
    "rows": lambda model: attached(model, Rows(COUNT)),
    "columns": lambda model: attached(model, Columns(COUNT)),
    "lora-1": lambda model: attached(model, LoRA(1, 2, None)),
    "lora-2": lambda model: attached(model, LoRA(2, 4, None)),
    "peft-lora-1": lambda model: peft_lora(model, 1),
    "peft-lora-2": lambda model: peft_lora(model, 2),
    "concatenated-rows": lambda model: concatenated(model, COUNT, 0),
    "concatenated-columns": lambda model: concatenated(model, COUNT, 1),
}


def nearest_rank(wanted: int, per_rank: int) -> int:
    """Return the rank at least 1 whose count of numbers is nearest to a wanted one.

    Args:
        wanted: The numbers.
        per_rank: Numbers of LoRA per rank.
    """
    return min(_ranks(wanted, per_rank), key=lambda rank: abs(rank * per_rank - wanted))


def _ranks(wanted: int, per_rank: int) -> Iterator[int]:
    return iter({max(1, wanted // per_rank), wanted // per_rank + 1})
