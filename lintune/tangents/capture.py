"""Capture what every tangent kernel is made of, in one forward pass and one backward pass per logit.

For a linear layer y = W x inside the network, the gradient of a logit f_c of one example for W is the
sum over its tokens t of g_t x_t^T with g_t = df_c / dy_t. So inputs x and output gradients g are all
that is needed; no gradient of a weight is ever formed, and weights stay frozen.

Examples of a packed batch share nothing, so the gradient of the sum of f_c over the batch holds each
example's own gradient in the rows of its own tokens. The backward pass is walked block by block from
the output: only one block's gradients are in memory at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from lintune.errors import InputError
from lintune.prompted import Batch, PromptedModel
from lintune.tangents.layers import blocks_of


@dataclass(frozen=True)
class Tap:
    """One layer's share of the tangents of a batch.

    Attributes:
        name: Qualified name of the layer.
        weight: Its frozen weight W `(d_out, d_in)`.
        x: Inputs `(N, d_in)`, one row per real token. Layers with the same input share the tensor.
        g: Output gradients `(k, N, d_out)`, one slab per output (logit, or combination of logits).
    """

    name: str
    weight: torch.Tensor
    x: torch.Tensor
    g: torch.Tensor


@dataclass
class _Seen:
    """What the forward hooks saw: inputs and outputs of layers, outputs of blocks."""

    x: dict[str, torch.Tensor] = field(default_factory=dict)
    y: dict[str, torch.Tensor] = field(default_factory=dict)
    blocks: dict[int, torch.Tensor] = field(default_factory=dict)


class Capture:
    """A forward pass whose layers' inputs and output gradients can be read off, block by block.

    Attributes:
        logits: `(n, C)` label-word logits, detached.
    """

    def __init__(
        self,
        prompted: PromptedModel,
        batch: Batch,
        layers: Mapping[str, nn.Linear],
        outputs: torch.Tensor | None = None,
    ) -> None:
        """Run the forward pass.

        Args:
            prompted: The function whose tangents are wanted.
            batch: Its prompts, laid out.
            layers: The layers to look at (`select_layers`).
            outputs: `(C, k)` combinations of the C logits to differentiate; None for the logits themselves.

        Raises:
            InputError: A layer is used more than once in a forward pass.
        """
        self._batch = batch
        self._layers = dict(layers)
        self._blocks = blocks_of(prompted.pretrained.model)
        self._seen = _Seen()
        handles = self._listen()
        try:
            with torch.enable_grad():
                self._f = prompted.logits(batch)
        finally:
            for handle in handles:
                handle.remove()
        self.logits = self._f.detach()
        if outputs is not None:
            self._f = self._f @ outputs.to(self._f)

    def blocks(self) -> Iterator[list[Tap]]:
        """Yield each block's taps, from the last block to the first."""
        totals = self._f.sum(dim=0)
        above: list[torch.Tensor] = list(totals)
        cotangents: list[torch.Tensor | None] = [None] * len(above)
        for index, names in sorted(self._groups().items(), reverse=True):
            below = self._seen.blocks.get(index - 1)
            if below is not None and not below.requires_grad:
                below = None
            wanted = [self._seen.y[name] for name in names] + ([below] if below is not None else [])
            grads = [
                torch.autograd.grad(output, wanted, cotangent, retain_graph=True)
                for output, cotangent in zip(above, cotangents, strict=True)
            ]
            yield [self._tap(name, [found[place] for found in grads]) for place, name in enumerate(names)]
            if below is None:
                return
            above = [below] * len(above)
            cotangents = [found[-1] for found in grads]

    def _groups(self) -> dict[int, list[str]]:
        """Return the captured layers' names by index of their block, every block from the lowest on."""
        of = {id(module): index for index, block in enumerate(self._blocks) for module in block.modules()}
        groups: dict[int, list[str]] = {}
        for name, layer in self._layers.items():
            groups.setdefault(of[id(layer)], []).append(name)
        return {index: groups.get(index, []) for index in range(min(groups), len(self._blocks))}

    def _tap(self, name: str, grads: list[torch.Tensor]) -> Tap:
        g = torch.stack([self._batch.flatten(grad) for grad in grads])
        return Tap(name, self._layers[name].weight, self._seen.x[name], g)

    def _listen(self) -> list[torch.utils.hooks.RemovableHandle]:
        shared: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

        def layer_hook(name: str) -> Callable[..., torch.Tensor]:
            def hook(
                _module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
            ) -> torch.Tensor:
                if name in self._seen.x:
                    raise InputError(
                        f"layer {name!r} is used more than once in a forward pass; leave it out."
                    )
                given = inputs[0]
                # Keyed by identity, with the key kept alive: q, k and v then share one flattened input.
                self._seen.x[name] = shared.setdefault(
                    id(given), (given, self._batch.flatten(given.detach()))
                )[1]
                # The lowest layers start the graph: nothing under them is ever differentiated.
                self._seen.y[name] = output if output.requires_grad else output.requires_grad_()
                return self._seen.y[name]

            return hook

        def block_hook(index: int) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
                hidden = output[0] if isinstance(output, tuple) else output
                assert isinstance(hidden, torch.Tensor)
                self._seen.blocks[index] = hidden

            return hook

        handles = [layer.register_forward_hook(layer_hook(name)) for name, layer in self._layers.items()]
        return handles + [block.register_forward_hook(block_hook(i)) for i, block in enumerate(self._blocks)]
