"""Standard fine-tuning, without a prompt: texts to the logits of a fresh linear head."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from transformers import PreTrainedModel

from lintune.errors import InputError, unknown_name
from lintune.models import Pretrained
from lintune.prompted.batches import Batch, Encoded
from lintune.prompted.classifier import Classifier
from lintune.prompted.encode import encode_alone
from lintune.prompted.probe import check_labels, fit_probe
from lintune.prompted.with_head import WithHead, width_of
from lintune.tasks import Examples


class HeadedModel(Classifier):
    """The function f of standard fine-tuning: a linear head on the last hidden states, without a prompt.

    The texts of an example stand alone; a causal model is read at their last token, a masked model or an
    encoder at the first. The head is a layer `head` of `pretrained.model`, whose other layers are those
    of the given model and keep their names.

    Attributes:
        pretrained: The given model with the head; it shares the weights, and the given model stays as it is.
    """

    def __init__(
        self,
        pretrained: Pretrained,
        weight: torch.Tensor,
        bias: torch.Tensor,
        fields: Sequence[str],
        longest: int = 256,
    ) -> None:
        """Put a head on a model.

        Args:
            pretrained: A causal or masked model, or an encoder.
            weight: `(C, d)` of the head, for hidden states of size d.
            bias: `(C,)` of the head.
            fields: Names of the text fields, in the order in which they are read.
            longest: Longest text in tokens; at most what the model has positions for.

        Raises:
            InputError: The head has the wrong shape, fewer than two classes or numbers that are not
                finite; no fields, or one twice; more tokens than the model has positions.
        """
        _check_head(weight, bias, width_of(pretrained.model))
        if isinstance(fields, str) or not fields or len(set(fields)) < len(fields):
            raise InputError(f"fields={fields!r} must be names in a list, at least one, none twice.")
        model = WithHead(pretrained.model, weight, bias)
        # All that is asked of a model here is what `WithHead` has of it.
        headed = replace(pretrained, model=cast(PreTrainedModel, model))
        super().__init__(headed, fields, range(len(weight)), longest)

    def with_head(self, weight: torch.Tensor, bias: torch.Tensor) -> "HeadedModel":
        """Return the same function with another head, `(C, d)` and `(C,)`.

        Raises:
            InputError: The head has the wrong shape, fewer than two classes or numbers that are not finite.
        """
        model = cast(WithHead, self.pretrained.model)
        _check_head(weight, bias, model.head.in_features)
        other = copy.copy(self)
        with_it = WithHead(model.base_model, weight, bias)
        other.pretrained = replace(self.pretrained, model=cast(PreTrainedModel, with_it))
        other.label_ids = torch.arange(len(weight), device=self.device)
        return other

    def states(self, examples: Examples) -> torch.Tensor:
        """Return what the head reads `(n, d)`, float64 on the CPU, without gradients."""
        return self._over(examples, self._compared, "hidden states")

    def _encode(self, fields: Mapping[str, str]) -> Encoded:
        for name in self.fields:
            if name not in fields:
                raise unknown_name("fields", name, fields)
        texts = {name: fields[name] for name in self.fields}
        causal = self.pretrained.kind == "causal"
        return encode_alone(self.pretrained.tokenizer, texts, causal, self.longest)

    def _at_readout(self, inputs: dict[str, object], batch: Batch) -> torch.Tensor:
        if batch.packed:
            inputs = inputs | {"logits_to_keep": batch.boundaries[:-1] + batch.readout}
        return batch.at_readout(self.pretrained.model(**inputs).logits)

    def _compared(self, batch: Batch) -> torch.Tensor:
        """Return what the head reads: a head of zeros would hide any difference."""
        model = cast(WithHead, self.pretrained.model)
        with self.attending(batch):
            hidden = model.hidden(**self._inputs(batch))
        return self._finite(batch.at_readout(hidden))


def probed(
    pretrained: Pretrained, train: Examples, classes: int, longest: int = 256, seed: int = 0
) -> HeadedModel:
    """Return a model with a head that is a linear probe of it: where standard fine-tuning starts.

    The probe is multinomial logistic regression on the frozen hidden states of the training examples
    (`lintune.prompted.probe`); Malladi et al. (2023) start their standard fine-tuning from such a head.

    Args:
        pretrained: A causal or masked model, or an encoder.
        train: Training examples, all with the same fields; each class has at least one.
        classes: Number of classes C.
        longest: Longest text in tokens.
        seed: Seed of the folds by which the penalty is chosen.

    Raises:
        InputError: No examples, fewer than two classes, a class without an example or a label that is
            none of the classes; more tokens than the model has positions.
        CorruptFileError: The hidden states are not finite.
    """
    check_labels(train.labels, classes)
    d = width_of(pretrained.model)
    blank = HeadedModel(
        pretrained, torch.zeros(classes, d), torch.zeros(classes), tuple(train.fields[0]), longest
    )
    weight, bias = fit_probe(blank.states(train).numpy(), train.labels, classes, seed)
    return blank.with_head(torch.as_tensor(weight), torch.as_tensor(bias))


def _check_head(weight: torch.Tensor, bias: torch.Tensor, d: int) -> None:
    if weight.ndim != 2 or weight.shape[1] != d or len(weight) < 2:
        raise InputError(
            f"weight of shape {tuple(weight.shape)} must be (C, {d}) for at least two classes C and the "
            f"{d} numbers of a hidden state."
        )
    if bias.shape != weight.shape[:1]:
        raise InputError(f"bias of shape {tuple(bias.shape)} must be {(len(weight),)} for this weight.")
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise InputError("weight and bias must be finite.")
