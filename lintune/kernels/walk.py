"""All examples of a pass together, from the last stage of the model to the first."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext

import torch
from tqdm.auto import tqdm

from lintune.errors import InputError
from lintune.kernels import ranks
from lintune.prompted import Classifier, Encoded
from lintune.prompted.batches import spans
from lintune.tangents import Site, Sweep, Tap, joined
from lintune.tangents.prefix import Prefix


class Walk:
    """A forward pass over batches of examples, then their taps, stage by stage, batches put together.

    Of several processes each runs its own batches; all get the taps of all examples.

    Attributes:
        lengths: `(n,)` tokens of each example, on the CPU.
        logits: `(n, C)` float64 label-word logits, on the CPU.
    """

    def __init__(
        self,
        prompted: Classifier,
        encoded: Sequence[Encoded],
        sites: Mapping[str, Site],
        outputs: torch.Tensor | None,
        *,
        batch_tokens: int,
        recompute: bool,
        prefix: Prefix | None = None,
        states: Sequence[torch.Tensor] = (),
    ) -> None:
        """Run the forward passes.

        Args:
            prompted: The function.
            encoded: n prompts.
            sites: The sites that are looked at.
            outputs: `(C, k)` combinations of the logits; None for the logits.
            batch_tokens: Most tokens in one forward pass.
            recompute: Whether blocks are run again in the backward walk instead of kept.
            prefix: Frozen blocks that need not be run; None where all are.
            states: For each prompt the hidden states that leave them.
        """
        sizes = [len(prompt.ids) for prompt in encoded]
        self.lengths = torch.tensor(sizes)
        batches = _batches(sizes, batch_tokens)
        self._batches = len(batches)
        self._sweeps = []
        logits = torch.zeros(len(encoded), prompted.classes, dtype=torch.float64, device=prompted.device)
        # Too few examples to share: every process runs them all.
        self._shares = len(encoded) >= ranks.count()
        mine = batches[ranks.rank() :: ranks.count()] if self._shares else batches
        for start, stop in tqdm(mine, desc="forward passes", unit="batch", leave=False):
            batch = prompted.lay_out(encoded[start:stop])
            with prefix.recalled(batch, states[start:stop]) if prefix else nullcontext():
                self._sweeps.append(Sweep(prompted, batch, sites, outputs, recompute=recompute))
            logits[start:stop] = self._sweeps[-1].logits
        self.logits = (ranks.summed_over_ranks(logits) if self._shares else logits).cpu()

    @property
    def stages(self) -> int:
        """How many stages there are to walk."""
        return self._sweeps[0].stages

    def __iter__(self) -> Iterator[dict[str, Tap]]:
        """Yield each stage's taps of all examples by site, from the last stage down; once only."""
        for mine in zip(*self._sweeps, strict=True):
            everyones = ranks.sent_to_all(mine, self._batches) if self._shares else list(mine)
            if any(taps.keys() != everyones[0].keys() for taps in everyones):
                raise InputError("the model uses different parameters for different batches.")
            shared: dict[tuple[int, ...], torch.Tensor] = {}
            together = {name: joined([taps[name] for taps in everyones], shared) for name in everyones[0]}
            del mine, everyones, shared
            yield together
            del together


def _batches(sizes: Sequence[int], batch_tokens: int) -> list[tuple[int, int]]:
    """Return first and last example of each batch; a batch for every process where there are so many."""
    fewest = min(ranks.count(), len(sizes))
    while len(batches := list(spans(sizes, batch_tokens))) < fewest:
        batch_tokens //= 2
    return batches
