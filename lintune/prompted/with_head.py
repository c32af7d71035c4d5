"""A pretrained model with a fresh linear head in the place of its own, the weights shared."""

import copy
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class Answer:
    """What a model with a head returns.

    Attributes:
        logits: `(1, N, C)` or `(n, T, C)`, one row for each token that the head was applied to.
    """

    logits: torch.Tensor


class WithHead(nn.Module):
    """The hidden states of a pretrained model, then a linear layer `head`.

    The pretrained part stands under the name that it has in the model with its language-modelling head,
    so that layers keep their names. Its modules are the pretrained model's own: nothing is copied, and
    nothing of the pretrained model is changed.
    """

    def __init__(self, model: PreTrainedModel, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Put a head on a model.

        Args:
            model: With or without a language-modelling head.
            weight: `(C, d)` of the head; copied, in the model's dtype and on its device.
            bias: `(C,)` of the head; likewise.
        """
        super().__init__()
        self._prefix = model.base_model_prefix or "model"
        setattr(self, self._prefix, _without_pooler(cast(PreTrainedModel, model.base_model)))
        self.head = nn.Linear(weight.shape[1], weight.shape[0], device=model.device, dtype=model.dtype)
        self.head.weight.data.copy_(weight)
        self.head.bias.data.copy_(bias)
        self.training = False  # the pretrained part is left in the mode that it is in
        self.head.eval().requires_grad_(False)

    @property
    def base_model(self) -> PreTrainedModel:
        """The pretrained part."""
        return cast(PreTrainedModel, getattr(self, self._prefix))

    @property
    def config(self) -> PretrainedConfig:
        """The pretrained model's configuration."""
        return self.base_model.config

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Its floating-point type."""
        return self.head.weight.dtype

    def forward(self, logits_to_keep: torch.Tensor | None = None, **inputs: object) -> Answer:
        """Return the head's logits, of some tokens of a packed batch or of all.

        Args:
            logits_to_keep: `(n,)` places in the packed row; None for all tokens.
            **inputs: What the pretrained part is called with.
        """
        hidden = self.hidden(**inputs)
        return Answer(self.head(hidden if logits_to_keep is None else hidden[:, logits_to_keep]))

    def hidden(self, **inputs: object) -> torch.Tensor:
        """Return the last hidden states, `(1, N, d)` or `(n, T, d)`, after the final norm."""
        return cast(torch.Tensor, self.base_model(**inputs).last_hidden_state)

    def set_attn_implementation(self, name: str) -> None:
        """Let the pretrained part attend in another way."""
        self.base_model.set_attn_implementation(name)

    def get_input_embeddings(self) -> nn.Module:
        """Return the table of the tokens."""
        return self.base_model.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Linear:
        """Return the head."""
        return self.head


def width_of(model: PreTrainedModel) -> int:
    """Return the size d of a model's last hidden states, as a pass over one token shows it."""
    with torch.no_grad():
        token = torch.zeros(1, 1, dtype=torch.long, device=model.device)
        base = cast(PreTrainedModel, model.base_model)
        found = base(input_ids=token, attention_mask=torch.ones_like(token))
    return int(found.last_hidden_state.shape[-1])


def _without_pooler(base: PreTrainedModel) -> PreTrainedModel:
    """Return an encoder that shares all modules but has no pooler, which nothing here reads."""
    if getattr(base, "pooler", None) is None:
        return base
    bare = copy.copy(base)
    bare._modules = {**base._modules, "pooler": None}
    return bare
