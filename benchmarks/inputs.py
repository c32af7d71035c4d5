"""The inputs of every way: a model, sentences of MR with their prompt, and the output that is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lintune import models, tasks
from lintune.kernels import contrasts
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

MODEL = "smollm2-135m"
TASK = "mr"


@dataclass(frozen=True)
class Chunk:
    """Some sentences, padded on the right to the longest of them.

    Attributes:
        places: `(m,)` their places among the inputs.
        ids: `(m, T)` token ids.
        last: `(m,)` position of each sentence's last token.
    """

    places: torch.Tensor
    ids: torch.Tensor
    last: torch.Tensor


@dataclass(frozen=True)
class Inputs:
    """A prompted model and the sentences whose kernel is computed.

    Attributes:
        prompted: The model with its prompt.
        examples: The n sentences, as lintune takes them.
        sentences: The same as token ids, `(T,)` each, as the peers take them.
    """

    prompted: PromptedModel
    examples: Examples
    sentences: list[torch.Tensor]

    def __len__(self) -> int:
        """Return the number of sentences n."""
        return len(self.sentences)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.prompted.device

    @property
    def direction(self) -> torch.Tensor:
        """The contrast of the label words' rows of the head, `(d,)`: the output is its product with h."""
        head = self.prompted.pretrained.model.get_output_embeddings()
        rows = head.weight[self.prompted.label_ids].detach().double()
        combined = torch.as_tensor(contrasts(self.prompted.classes), device=self.device)
        return (combined.T @ rows)[0].to(head.weight.dtype)

    def chunk(self, places: Sequence[int], longest: int | None = None) -> Chunk:
        """Return the sentences at these places as one padded batch."""
        lengths = [len(self.sentences[place]) for place in places]
        ids = torch.zeros(len(places), longest or max(lengths), dtype=torch.long, device=self.device)
        for row, place in enumerate(places):
            ids[row, : lengths[row]] = self.sentences[place]
        where = torch.tensor(lengths, device=self.device) - 1
        return Chunk(torch.tensor(places, device=self.device), ids, where)

    def chunks(self, size: int) -> list[Chunk]:
        """Return all sentences in batches of this size, sorted by length so that little is padded."""
        order = sorted(range(len(self)), key=lambda place: len(self.sentences[place]))
        return [self.chunk(order[start : start + size]) for start in range(0, len(self), size)]


def load(texts: int, device: str, longest: int | None = None) -> Inputs:
    """Load the model and draw sentences of MR.

    Args:
        texts: How many sentences n.
        device: Where the model goes.
        longest: Give every prompt about this many tokens: sentences are joined until there are enough, and
            the prompt is cut there. None for single sentences as they are.
    """
    task = tasks.load(TASK)
    chosen = np.random.default_rng(0).permutation(len(task.train))
    pretrained = models.load(MODEL, device)
    prompt = task.prompt_for(pretrained.kind)
    if longest is None:
        prompted = PromptedModel(pretrained, prompt)
        examples = task.train.take(chosen[:texts])
    else:
        prompted = PromptedModel(pretrained, prompt, longest)
        # A word is a token at least: as many words as tokens wanted are enough.
        words = (word for place in chosen for word in task.train.fields[place]["text"].split())
        examples = Examples.from_fields(
            [{"text": " ".join(next(words) for _ in range(longest))} for _ in range(texts)]
        )
    sentences = [torch.tensor(prompt.ids, device=prompted.device) for prompt in prompted.encode(examples)]
    return Inputs(prompted, examples, sentences)
