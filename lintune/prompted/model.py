"""A language model with a prompt: texts to label-word logits."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from tqdm.auto import tqdm

from lintune.errors import CorruptFileError, InputError
from lintune.models import Pretrained
from lintune.prompted.attention import packed
from lintune.prompted.batches import Batch, Encoded, lay_out, spans
from lintune.prompted.encode import encode, label_tokens
from lintune.tasks import Examples, Prompt

log = logging.getLogger(__name__)

# Tokens of one forward pass without gradients; more gains nothing once matrix products are large.
_PREDICT_TOKENS = 4096


class PromptedModel:
    """The function f that fine-tuning changes: label-word logits of a prompted language model.

    f(x) holds one logit per class: the language-modelling logit of the class's label word where the
    template has its slot (Gao et al., 2021).

    Attributes:
        pretrained: The model, its tokeniser and its provenance.
        prompt: Template and label words.
        label_ids: `(C,)` token ids of the label words.
        packs: Whether batches are packed without padding. Packing is used only where two packed
            prompts give the logits that each gives alone; models for which they do not
            (or whose attention is not in transformers' registry) get padded batches.
        longest: Prompts are cut to this many tokens.
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
        limit = getattr(pretrained.model.config, "max_position_embeddings", longest)
        if not 1 <= longest <= limit:
            raise InputError(
                f"longest={longest} must be from 1 to {limit}, the positions of {pretrained.name!r}."
            )
        self.pretrained = pretrained
        self.prompt = prompt
        self.longest = longest
        self.device = pretrained.model.device
        self.label_ids = torch.tensor(label_tokens(pretrained.tokenizer, prompt), device=self.device)
        self._first_position = _first_position(pretrained.model)
        self.packs = self._packing_is_exact()

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return len(self.label_ids)

    def encode(self, examples: Examples) -> list[Encoded]:
        """Return the prompts of the examples as tokens, in order."""
        masked = self.pretrained.kind == "masked"
        tokenizer = self.pretrained.tokenizer
        return [encode(tokenizer, self.prompt, fields, masked, self.longest) for fields in examples.fields]

    def lay_out(self, prompts: Sequence[Encoded]) -> Batch:
        """Return one batch of the prompts, packed where the model packs."""
        pad = self.pretrained.tokenizer.pad_token_id or 0
        return lay_out(prompts, self.packs, self.device, pad)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Return the label-word logits `(n, C)`, with a graph where something asks for gradients.

        Raises:
            CorruptFileError: The model gives logits that are not finite.
        """
        inputs: dict[str, object] = {
            "input_ids": batch.ids,
            "position_ids": batch.positions + self._first_position,
        }
        if self.pretrained.kind == "causal":
            inputs["use_cache"] = False
        if batch.packed:
            inputs |= {"cu_seq_lens_q": batch.boundaries, "max_length_q": int(batch.lengths.max())}
        else:
            inputs |= {"attention_mask": batch.real.long()}
        with self.attending(batch):
            found = self._at_readout(inputs, batch)
        if not torch.isfinite(found).all():
            raise CorruptFileError(
                f"model={self.pretrained.name!r} gives logits that are not finite; its weights are damaged."
            )
        return found

    def attending(self, batch: Batch) -> AbstractContextManager[None]:
        """Return a context in which the model, or a part of it, attends as the batch's layout needs it."""
        return packed(self.pretrained.model) if batch.packed else nullcontext()

    def predict(self, examples: Examples) -> torch.Tensor:
        """Return the label-word logits `(n, C)` of the examples, float64 on the CPU, without gradients."""
        prompts = self.encode(examples)
        sizes = [len(prompt.ids) for prompt in prompts]
        parts = []
        with torch.no_grad(), tqdm(total=len(prompts), desc="logits", unit="example", leave=False) as bar:
            for start, stop in spans(sizes, _PREDICT_TOKENS):
                parts.append(self.logits(self.lay_out(prompts[start:stop])).double().cpu())
                bar.update(stop - start)
        return torch.cat(parts)

    def _at_readout(self, inputs: dict[str, object], batch: Batch) -> torch.Tensor:
        model = self.pretrained.model
        if batch.packed and self.pretrained.kind == "causal":
            # The head is the largest matrix: apply it where it is read.
            inputs = inputs | {"logits_to_keep": batch.boundaries[:-1] + batch.readout}
        return batch.at_readout(model(**inputs).logits)[:, self.label_ids]

    def _packing_is_exact(self) -> bool:
        """Compare two packed prompts with each alone; True where the logits agree."""
        texts = ("short", "a text that is longer than the other")
        prompts = self.encode(
            Examples.from_fields([dict.fromkeys(self.prompt.fields, text) for text in texts])
        )
        model, device = self.pretrained.model, self.device
        with torch.no_grad():
            alone = torch.cat([self.logits(lay_out([prompt], False, device)) for prompt in prompts])
            try:
                together = self.logits(lay_out(prompts, True, device))
            except (NotImplementedError, TypeError, ValueError, RuntimeError) as error:
                log.warning("%s cannot be packed (%s); batches are padded", self.pretrained.name, error)
                return False
        # Agreement up to the rounding of the model's own precision, on the scale of the logits.
        tolerance = 1e3 * torch.finfo(model.dtype).eps * alone.abs().max()
        exact = bool((alone - together).abs().max() <= tolerance)
        if not exact:
            log.warning("%s gives other logits when packed; batches are padded", self.pretrained.name)
        return exact


def _first_position(model: torch.nn.Module) -> int:
    """Return a prompt's first position id: RoBERTa's family counts from its padding index + 1."""
    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, torch.nn.Embedding) and table.padding_idx is not None:
            return table.padding_idx + 1
    return 0


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
