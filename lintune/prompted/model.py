"""A language model with a prompt: texts to label-word logits."""

from collections.abc import Mapping

import torch

from lintune.errors import InputError
from lintune.models import Pretrained
from lintune.prompted.batches import Batch, Encoded
from lintune.prompted.classifier import Classifier
from lintune.prompted.encode import encode, label_tokens
from lintune.tasks import Prompt


class PromptedModel(Classifier):
    """The function f that fine-tuning changes: label-word logits of a prompted language model.

    f(x) holds one logit per class: the language-modelling logit of the class's label word where the
    template has its slot (Gao et al., 2021).

    Attributes:
        prompt: Template and label words.
        label_ids: `(C,)` token ids of the label words.
    """

    def __init__(self, pretrained: Pretrained, prompt: Prompt, longest: int = 256) -> None:
        """Bind a prompt to a model and check both.

        Args:
            pretrained: A causal or masked model.
            prompt: Template and label words.
            longest: Longest prompt in tokens; at most what the model has positions for.

        Raises:
            InputError: An encoder without a head; a template that a causal model cannot use; a label
                word of several tokens; more tokens than the model has positions.
        """
        if pretrained.kind == "encoder":
            raise InputError(
                f"model={pretrained.name!r} has no language-modelling head: it cannot answer a prompt."
            )
        _check_template(prompt, pretrained.kind)
        self.prompt = prompt
        super().__init__(pretrained, prompt.fields, label_tokens(pretrained.tokenizer, prompt), longest)

    def _encode(self, fields: Mapping[str, str]) -> Encoded:
        masked = self.pretrained.kind == "masked"
        return encode(self.pretrained.tokenizer, self.prompt, fields, masked, self.longest)

    def _at_readout(self, inputs: dict[str, object], batch: Batch) -> torch.Tensor:
        model = self.pretrained.model
        if batch.packed and self.pretrained.kind == "causal":
            # The head is the largest matrix: apply it where it is read.
            inputs = inputs | {"logits_to_keep": batch.boundaries[:-1] + batch.readout}
        return batch.at_readout(model(**inputs).logits)[:, self.label_ids]


def _check_template(prompt: Prompt, kind: str) -> None:
    """Refuse a template whose fields follow the label slot, which a causal model never sees."""
    if kind != "causal":
        return
    probe = {field: f"<{field}>" for field in prompt.fields}
    _, after = prompt.render(probe)
    hidden = [field for field, mark in probe.items() if mark in after]
    if hidden:
        raise InputError(
            f"template={prompt.template!r} has {hidden} after {{label}}, where a causal model cannot see it; "
            "put {label} after every field."
        )
