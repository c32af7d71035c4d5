"""The frozen blocks under the lowest tuned one: run once for every example, never again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from lintune.prompted import Batch, Classifier, Encoded
from lintune.prompted.batches import spans
from lintune.tangents.replaced import replaced
from lintune.tangents.sites import Site, blocks_of


class Prefix:
    """The first blocks of a model, whose parameters stay as they are.

    Attributes:
        depth: How many blocks it has; 0 where something before the blocks, or in the first, is tuned.
    """

    def __init__(self, prompted: Classifier, sites: Iterable[Site]) -> None:
        """Take all blocks under the lowest of the tuned sites.

        Args:
            prompted: The function.
            sites: The tuned sites. Those outside the blocks, but for the head, count as lying before them.
        """
        self._prompted = prompted
        self._blocks = blocks_of(prompted.pretrained.model)
        last = len(self._blocks) - 1
        places = [last if site.kind == "head" else site.block for site in sites]
        self.depth = min((0 if place is None else place for place in places), default=0)
        # Of how many parts a block's output is a tuple; 0 for a tensor, None where no pass has shown it yet.
        self._parts: int | None = None

    def states(self, prompts: Sequence[Encoded], batch_tokens: int = 4096) -> list[torch.Tensor]:
        """Return the hidden states `(T, d)` that enter the lowest tuned block, prompt by prompt."""
        found: list[torch.Tensor] = []
        with tqdm(total=len(prompts), desc="frozen blocks", unit="example", leave=False) as bar:
            for start, stop in spans([len(prompt.ids) for prompt in prompts], batch_tokens):
                batch = self._prompted.lay_out(prompts[start:stop])
                found += self._batch_states(batch).split(batch.lengths.tolist())
                bar.update(stop - start)
        return found

    @contextmanager
    def recalled(self, batch: Batch, states: Sequence[torch.Tensor]) -> Iterator[None]:
        """Let the model go on from stored states inside the context instead of running the prefix.

        Args:
            batch: The batch that will be run.
            states: `(T, d)` for each of its prompts.
        """
        if not self.depth:
            yield
            return
        if self._parts is None:  # the states are those of another prefix of the same depth
            self._batch_states(batch)
        hidden = torch.cat(list(states))[None] if batch.packed else pad_sequence(list(states), True)
        with ExitStack() as stack:
            stack.enter_context(replaced(self._blocks[0], lambda *_, **__: self._as_output(hidden)))
            for block in self._blocks[1 : self.depth]:
                stack.enter_context(replaced(block, _given(self._as_output)))
            yield

    def _batch_states(self, batch: Batch) -> torch.Tensor:
        """Run the prefix and return the rows of real tokens `(N, d)`."""
        seen: list[torch.Tensor] = []

        def stop(_block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            seen.append(args[0] if args else kwargs["hidden_states"])
            raise _EnoughError

        def note(_block: nn.Module, _inputs: object, output: object) -> None:
            self._parts = len(output) if isinstance(output, tuple) else 0

        handles = [
            self._blocks[self.depth].register_forward_pre_hook(stop, with_kwargs=True),
            self._blocks[0].register_forward_hook(note),
        ]
        try:
            with torch.no_grad():
                self._prompted.logits(batch)
        except _EnoughError:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return batch.flatten(seen[0])

    def _as_output(self, hidden: torch.Tensor) -> object:
        """Return hidden states in the form in which the model's blocks return them."""
        return (hidden, *[None] * (self._parts - 1)) if self._parts else hidden


class _EnoughError(Exception):
    """Ends a forward pass that has shown what was wanted."""


def _given(forward: Callable[[torch.Tensor], object]) -> Callable[..., object]:
    """Return what a block computes from the hidden states alone, however they are handed to it."""
    return lambda *args, **kwargs: forward(args[0] if args else kwargs["hidden_states"])
