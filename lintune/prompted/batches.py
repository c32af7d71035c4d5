"""Batches of encoded prompts: packed into one row, or padded where a model cannot be packed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Encoded:
    """One prompt as tokens.

    Attributes:
        ids: Token ids, length T.
        readout: Position whose output holds the label-word logits: the last token for a causal model,
            the mask token for a masked one.
    """

    ids: tuple[int, ...]
    readout: int


@dataclass(frozen=True)
class Batch:
    """Some prompts, laid out for one forward pass.

    Packed: `ids` and `positions` are `(1, N)`, every token real. Padded: `(n, T)`, real tokens first.

    Attributes:
        ids: Token ids.
        positions: Position of each token in its own prompt, from 0.
        lengths: `(n,)` number of real tokens of each prompt.
        readout: `(n,)` readout position within each prompt.
        packed: Which of the two layouts this is.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    lengths: torch.Tensor
    readout: torch.Tensor
    packed: bool

    def __len__(self) -> int:
        """Return the number of prompts n."""
        return len(self.lengths)

    @property
    def real(self) -> torch.Tensor:
        """Which entries of `ids` are real tokens, boolean, same shape as `ids`."""
        if self.packed:
            return torch.ones_like(self.ids, dtype=torch.bool)
        return self.positions < self.lengths[:, None]

    @property
    def boundaries(self) -> torch.Tensor:
        """`(n + 1,)` int32: where each prompt starts among the real tokens, and their number N last."""
        return torch.nn.functional.pad(self.lengths.cumsum(0), (1, 0)).to(torch.int32)

    def flatten(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the rows of real tokens, prompt after prompt, `(N, d)`.

        Args:
            hidden: `(1, N, d)` or `(n, T, d)`, as laid out; some models merge the first two axes.
        """
        hidden = hidden.reshape(*self.ids.shape, -1)
        return hidden[0] if self.packed else hidden[self.real]

    def at_readout(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the rows of the readout positions, `(n, d)`.

        Args:
            hidden: `(1, N, d)` or `(n, T, d)`, as laid out; or `(1, n, d)`, taken there already.
        """
        if self.packed:
            taken = hidden.shape[1] == len(self)
            return hidden[0] if taken else hidden[0, self.boundaries[:-1] + self.readout]
        return hidden[torch.arange(len(self), device=hidden.device), self.readout]


def lay_out(prompts: Sequence[Encoded], packed: bool, device: torch.device, pad: int = 0) -> Batch:
    """Lay prompts out for one forward pass.

    Args:
        prompts: At least one encoded prompt.
        packed: One row without padding, or right-padded rows.
        device: Where the tensors go.
        pad: Token id that fills the padding; never attended to.
    """
    lengths = torch.tensor([len(prompt.ids) for prompt in prompts])
    longest = int(lengths.max())
    if packed:
        ids = torch.tensor([[token for prompt in prompts for token in prompt.ids]])
        positions = torch.cat([torch.arange(int(length)) for length in lengths])[None]
    else:
        ids = torch.tensor([list(prompt.ids) + [pad] * (longest - len(prompt.ids)) for prompt in prompts])
        positions = torch.arange(longest).expand(len(prompts), -1)
    readout = torch.tensor([prompt.readout for prompt in prompts])
    return Batch(ids.to(device), positions.to(device), lengths.to(device), readout.to(device), packed)


def spans(sizes: Sequence[int], budget: int) -> Iterator[tuple[int, int]]:
    """Cut a sequence of sizes into consecutive spans `(start, stop)` of at most `budget` in total.

    An item larger than the budget gets a span of its own.
    """
    start, total = 0, 0
    for index, size in enumerate(sizes):
        if index > start and total + size > budget:
            yield start, index
            start, total = index, 0
        total += size
    if sizes:
        yield start, len(sizes)
