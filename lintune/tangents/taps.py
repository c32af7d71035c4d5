"""What a site shows of itself in a pass over a batch: its inputs, and the gradients at its outputs.

All taps hold one row per real token, prompts one after the other, and know how many tokens each prompt
has. Gradients come in k slabs, one per output of the model (a logit, or a combination of logits).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import torch

from lintune.errors import InputError


@dataclass(frozen=True)
class Tap:
    """What all taps have.

    Attributes:
        name: Qualified name of the site.
        lengths: `(n,)` number of rows of each example.
        g: Gradients at the outputs, `(k, N, ...)`.
    """

    name: str
    lengths: torch.Tensor
    g: torch.Tensor

    # Along which axis a field goes from example to example; fields not named are the same for all.
    AXES: ClassVar[dict[str, int]] = {
        "lengths": 0,
        "x": 0,
        "y": 0,
        "g": 1,
        "back": 1,
        "rows": 0,
        "hidden": 0,
    }


@dataclass(frozen=True)
class LinearTap(Tap):
    """A linear layer y = W x + b; `g` is `(k, N, d_out)`.

    Attributes:
        weight: W `(d_out, d_in)`.
        bias: b `(d_out,)` or None.
        x: Inputs `(N, d_in)`. Layers with the same input share the tensor.
        y: Outputs `(N, d_out)`, with the bias; None where the model wrote over them.
        back: W^T g `(k, N, d_in)`, the gradients at the inputs by way of this layer, where the backward
            pass went on below it; else None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    x: torch.Tensor
    y: torch.Tensor | None
    back: torch.Tensor | None = None
    _derived: dict[Hashable, torch.Tensor] = field(default_factory=dict, init=False, repr=False)

    def once(self, key: Hashable, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what several methods need of this tap, such as a projection of x, computed once.

        The same tensor comes back each time, so that its inner products are computed once, too.

        Args:
            key: What it is.
            compute: Computes it.
        """
        if key not in self._derived:
            self._derived[key] = compute()
        return self._derived[key]

    def outputs(self) -> torch.Tensor:
        """Return the outputs `(N, d_out)`, with the bias.

        Raises:
            InputError: The model wrote over them.
        """
        if self.y is None:
            raise InputError(f"the model writes over the outputs of {self.name!r}; leave it out.")
        return self.y

    def products(self) -> torch.Tensor:
        """Return W x `(N, d_out)`, the outputs without the bias."""
        return self.outputs() if self.bias is None else self.outputs() - self.bias

    def pulled_back(self) -> torch.Tensor:
        """Return W^T g `(k, N, d_in)`, from the backward pass where it went on below."""
        return self.once("W^T g", lambda: self.g @ self.weight) if self.back is None else self.back


@dataclass(frozen=True)
class NormTap(Tap):
    """An elementwise layer y = w * x + b after a normalisation; `g` is `(k, N, h, d)`.

    Attributes:
        weight: w `(d,)`.
        bias: b `(d,)` or None.
        x: Normalised inputs `(N, h, d)`; h is 1 unless the same gains serve several heads.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    x: torch.Tensor


@dataclass(frozen=True)
class TableTap(Tap):
    """A table whose rows are looked up; `g` is `(k, N, d)`, the gradient for the row that was taken.

    Where the head shares the table, its own uses of the label words' rows are among the N.

    Attributes:
        weight: The table `(V, d)`.
        rows: `(N,)` which row was taken.
    """

    weight: torch.Tensor
    rows: torch.Tensor


@dataclass(frozen=True)
class HeadTap(Tap):
    """The head at the readout position: logits of the label words; `g` is `(k, n, C)`, `lengths` are 1.

    Attributes:
        weight: The head's weight `(V, d)`.
        bias: `(V,)` or None.
        tied: Whether the weight is the input embedding's, whose tap then holds its gradient.
        labels: `(C,)` rows of the label words.
        hidden: `(n, d)` what the head reads.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    tied: bool
    labels: torch.Tensor
    hidden: torch.Tensor

    def lookups(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the weight's gradient as uses of rows: rows `(n C,)`, g `(k, n C, d)`, lengths `(n,)`."""
        n, classes = self.g.shape[1:]
        gradients = self.g[..., None] * self.hidden[None, :, None, :]
        return self.labels.repeat(n), gradients.flatten(1, 2), torch.full_like(self.lengths, classes)


def owners(lengths: torch.Tensor) -> torch.Tensor:
    """Return `(N,)`: which example each token belongs to."""
    return torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)


def joined(taps: Sequence[Tap], shared: dict[tuple[int, ...], torch.Tensor]) -> Tap:
    """Return the taps of one site in several batches as one.

    Args:
        taps: The taps, batch after batch.
        shared: What has been put together before, by the parts' identities, so that layers with the
            same input share it still. The caller keeps the parts alive as long as this.
    """
    if len(taps) == 1:
        return taps[0]
    together: dict[str, Any] = {}
    for name in [each.name for each in fields(taps[0]) if each.name in Tap.AXES]:
        parts = [getattr(tap, name) for tap in taps]
        if parts[0] is None:
            continue
        key = tuple(id(part) for part in parts)
        if key not in shared:
            shared[key] = torch.cat(parts, dim=Tap.AXES[name])
        together[name] = shared[key]
    return replace(taps[0], **together)
