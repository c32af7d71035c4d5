"""A language model as a function from texts to one logit per class, however it is asked."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from tqdm.auto import tqdm

from lintune.errors import CorruptFileError, InputError
from lintune.models import Pretrained
from lintune.prompted.attention import packed
from lintune.prompted.batches import Batch, Encoded, lay_out, spans
from lintune.tasks import Examples

log = logging.getLogger(__name__)

# Tokens of one forward pass without gradients; more gains nothing once matrix products are large.
_PREDICT_TOKENS = 4096


class Classifier(ABC):
    """The function f that fine-tuning changes: C logits of a text, read off one position of a model.

    Attributes:
        pretrained: The model, its tokeniser and its provenance.
        fields: Names of the text fields that an example must have.
        label_ids: `(C,)` which of the model's outputs are the classes' logits.
        device: Where the model is.
        packs: Whether batches are packed without padding. Packing is used only where two packed
            texts give the answers that each gives alone; models for which they do not
            (or whose attention is not in transformers' registry) get padded batches.
        longest: Texts are cut to this many tokens.
    """

    def __init__(
        self, pretrained: Pretrained, fields: Sequence[str], label_ids: Sequence[int], longest: int
    ) -> None:
        """Check the length, and whether the model can be packed.

        Raises:
            InputError: More tokens than the model has positions.
        """
        limit = getattr(pretrained.model.config, "max_position_embeddings", longest)
        if not 1 <= longest <= limit:
            raise InputError(
                f"longest={longest} must be from 1 to {limit}, the positions of {pretrained.name!r}."
            )
        self.pretrained = pretrained
        self.fields = tuple(fields)
        self.longest = longest
        self.device = pretrained.model.device
        self.label_ids = torch.tensor(label_ids, device=self.device)
        self._first_position = _first_position(pretrained.model)
        self.packs = self._packing_is_exact()

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return len(self.label_ids)

    def encode(self, examples: Examples) -> list[Encoded]:
        """Return the examples as tokens, in order."""
        return [self._encode(fields) for fields in examples.fields]

    def lay_out(self, prompts: Sequence[Encoded]) -> Batch:
        """Return one batch of encoded examples, packed where the model packs."""
        pad = self.pretrained.tokenizer.pad_token_id or 0
        return lay_out(prompts, self.packs, self.device, pad)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Return the classes' logits `(n, C)`, with a graph where something asks for gradients.

        Raises:
            CorruptFileError: The model gives logits that are not finite.
        """
        with self.attending(batch):
            found = self._at_readout(self._inputs(batch), batch)
        return self._finite(found)

    def attending(self, batch: Batch) -> AbstractContextManager[None]:
        """Return a context in which the model, or a part of it, attends as the batch's layout needs it."""
        return packed(self.pretrained.model) if batch.packed else nullcontext()

    def predict(self, examples: Examples) -> torch.Tensor:
        """Return the classes' logits `(n, C)` of the examples, float64 on the CPU, without gradients."""
        return self._over(examples, self.logits, "logits")

    @abstractmethod
    def _encode(self, fields: Mapping[str, str]) -> Encoded:
        """Return one example as tokens."""

    @abstractmethod
    def _at_readout(self, inputs: dict[str, object], batch: Batch) -> torch.Tensor:
        """Run the model and return the classes' logits `(n, C)`."""

    def _compared(self, batch: Batch) -> torch.Tensor:
        """Return by what a packed batch is compared with texts alone."""
        return self.logits(batch)

    def _over(self, examples: Examples, answer: Callable[[Batch], torch.Tensor], what: str) -> torch.Tensor:
        """Return the answers for any number of examples, float64 on the CPU, without gradients."""
        prompts = self.encode(examples)
        sizes = [len(prompt.ids) for prompt in prompts]
        parts = []
        with torch.no_grad(), tqdm(total=len(prompts), desc=what, unit="example", leave=False) as bar:
            for start, stop in spans(sizes, _PREDICT_TOKENS):
                parts.append(answer(self.lay_out(prompts[start:stop])).double().cpu())
                bar.update(stop - start)
        return torch.cat(parts)

    def _inputs(self, batch: Batch) -> dict[str, object]:
        """Return what the model is called with."""
        inputs: dict[str, object] = {
            "input_ids": batch.ids,
            "position_ids": batch.positions + self._first_position,
        }
        if self.pretrained.kind == "causal":
            inputs["use_cache"] = False
        if batch.packed:
            return inputs | {"cu_seq_lens_q": batch.boundaries, "max_length_q": int(batch.lengths.max())}
        return inputs | {"attention_mask": batch.real.long()}

    def _finite(self, found: torch.Tensor) -> torch.Tensor:
        if not torch.isfinite(found).all():
            raise CorruptFileError(
                f"model={self.pretrained.name!r} gives logits that are not finite; its weights are damaged."
            )
        return found

    def _packing_is_exact(self) -> bool:
        """Compare two packed texts with each alone; True where the answers agree."""
        texts = ("short", "a text that is longer than the other")
        prompts = self.encode(Examples.from_fields([dict.fromkeys(self.fields, text) for text in texts]))
        model, device = self.pretrained.model, self.device
        with torch.no_grad():
            alone = torch.cat([self._compared(lay_out([prompt], False, device)) for prompt in prompts])
            try:
                together = self._compared(lay_out(prompts, True, device))
            except (NotImplementedError, TypeError, ValueError, RuntimeError) as error:
                log.warning("%s cannot be packed (%s); batches are padded", self.pretrained.name, error)
                return False
        # Agreement up to the rounding of the model's own precision, on the scale of the answers.
        tolerance = 1e3 * torch.finfo(model.dtype).eps * alone.abs().max()
        exact = bool((alone - together).abs().max() <= tolerance)
        if not exact:
            log.warning("%s gives other answers when packed; batches are padded", self.pretrained.name)
        return exact


def _first_position(model: torch.nn.Module) -> int:
    """Return a text's first position id: RoBERTa's family counts from its padding index + 1."""
    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, torch.nn.Embedding) and table.padding_idx is not None:
            return table.padding_idx + 1
    return 0
