"""A forward pass cut into stages: before the blocks, each block, after the blocks.

Every stage is a graph of its own, from its detached input to its output, so that a backward walk holds
one stage at a time and nothing under the lowest stage of interest is ever differentiated.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from lintune.errors import InputError
from lintune.tangents.observe import Seen


@dataclass
class Stage:
    """One piece of the graph.

    Attributes:
        below: Its input, detached from the stage below and asking for a gradient; None where nothing
            below is of interest.
        above: Its output, with its graph; None for the stage after the blocks, and where not kept.
        seen: What its sites saw.
        again: Runs it anew from `below`, where its graph was not kept.
    """

    below: torch.Tensor | None = None
    above: torch.Tensor | None = None
    seen: dict[str, Seen] = field(default_factory=dict)
    again: Callable[[], object] | None = None


class Chain:
    """The stages of one forward pass while it runs: stage 0, one per block, and the last.

    Attributes:
        stages: The stages by number; block i is stage i + 1.
        now: Number of the running stage.
    """

    def __init__(self, blocks: Sequence[nn.Module], lowest: int, recompute: bool) -> None:
        """Cut at these blocks.

        Args:
            blocks: The blocks in order, each given the hidden states by the one before.
            lowest: Lowest stage of interest.
            recompute: Keep no graph of a block, only what it takes to run it again.
        """
        self.stages = {number: Stage() for number in range(len(blocks) + 2)}
        self.now = 0
        self._blocks = blocks
        self._lowest = lowest
        self._recompute = recompute

    @contextmanager
    def cutting(self) -> Iterator[None]:
        """Cut the forward pass that runs inside the context."""
        handles = []
        for index, block in enumerate(self._blocks):
            handles.append(block.register_forward_pre_hook(self._enter(index), with_kwargs=True))
            handles.append(block.register_forward_hook(self._leave(index)))
        try:
            with torch.set_grad_enabled(self._lowest == 0):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def notes(self) -> dict[str, Seen]:
        """Return what the running stage's sites have seen."""
        return self.stages[self.now].seen

    def _enter(self, index: int) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
        def hook(
            block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[tuple[Any, ...], dict[str, Any]]:
            given = bool(args)
            hidden = args[0] if given else kwargs["hidden_states"]
            if index == 0:
                self.stages[0].above = hidden
                hidden = self._cut(hidden, 1)
                args, kwargs = (
                    ((hidden, *args[1:]), kwargs) if given else (args, kwargs | {"hidden_states": hidden})
                )
            elif self.now != index or hidden is not self._passed_on:
                raise InputError(
                    f"{type(block).__name__} number {index} is not given the output of the block before "
                    "it: only plain chains of blocks are supported."
                )
            self._check_alone(block, args[1:] if given else args, kwargs)
            self.now = index + 1
            if self.now >= self._lowest and self._recompute:
                self.stages[self.now].again = lambda: block(*args, **kwargs)
            torch.set_grad_enabled(self.now >= self._lowest and not self._recompute)
            return args, kwargs

        return hook

    def _leave(self, index: int) -> Callable[..., object]:
        def hook(_block: nn.Module, _inputs: object, output: object) -> object:
            hidden = hidden_of(output)
            if torch.is_grad_enabled():
                self.stages[self.now].above = hidden
            self._passed_on = self._cut(hidden, index + 2)
            if index + 1 == len(self._blocks):
                self.now = index + 2
                torch.set_grad_enabled(True)
            return (self._passed_on, *output[1:]) if isinstance(output, tuple) else self._passed_on

        return hook

    def _check_alone(self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse a block that is given more than its hidden states of what is differentiated."""
        others = tree_leaves([args, {key: value for key, value in kwargs.items() if key != "hidden_states"}])
        if any(isinstance(other, torch.Tensor) and other.requires_grad for other in others):
            raise InputError(
                f"{type(block).__name__} is given more than hidden states that depend on a tuned parameter, "
                "such as a bias of relative positions; leave the parameters before the blocks out."
            )

    def _cut(self, hidden: torch.Tensor, stage: int) -> torch.Tensor:
        cut = hidden.detach()
        if stage > self._lowest:
            self.stages[stage].below = cut.requires_grad_()
        return cut


def hidden_of(output: object) -> torch.Tensor:
    """Return the hidden states among what a block returns."""
    hidden = output[0] if isinstance(output, tuple) else output
    assert isinstance(hidden, torch.Tensor)
    return hidden
