"""Hooks that note what a site is given and make its output a place where gradients can be asked for."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lintune.errors import InputError
from lintune.tangents.sites import Site


@dataclass(frozen=True)
class Seen:
    """A site's input and output in a graph; for a table the indices and the rows taken, unscaled.

    Attributes:
        given: The input, detached.
        y: The output.
        version: Of the output when it was seen: the model may write into it later.
        entry: The input as an edge of the graph that leads through this site alone, for linear layers
            whose input has a gradient; else None.
    """

    given: torch.Tensor
    y: torch.Tensor
    version: int
    entry: torch.Tensor | None = None


@contextmanager
def observing(sites: Iterable[Site], into: Callable[[], dict[str, Seen]]) -> Iterator[None]:
    """Note what the sites see inside the context, wherever gradients are on.

    Args:
        sites: The sites to look at.
        into: Returns the notes of the moment, by name of the site.
    """
    with ExitStack() as stack:
        for site in sites:
            look = _look_up if site.kind == "table" else _pass_through
            stack.enter_context(look(site, into))
        yield


@contextmanager
def _pass_through(site: Site, into: Callable[[], dict[str, Seen]]) -> Iterator[None]:
    def before(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        if not inputs:
            raise InputError(f"{site.name!r} is called with keywords only; leave it out.")
        # A view is an edge of its own: q, k and v are given the same tensor, and each gets its gradient.
        return (inputs[0].view_as(inputs[0]), *inputs[1:])

    def after(_module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        if not torch.is_grad_enabled():
            return output
        entry = inputs[0] if site.kind == "linear" and inputs[0].requires_grad else None
        return _note(into(), site.name, inputs[0].detach(), output, entry)

    handles = [site.module.register_forward_pre_hook(before), site.module.register_forward_hook(after)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _look_up(site: Site, into: Callable[[], dict[str, Seen]]) -> Iterator[None]:
    """Watch the look-up itself: some tables shift their indices before it or scale the rows after it."""

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            output = func(*args, **(kwargs or {}))
            if func is not nn.functional.embedding or not torch.is_grad_enabled():
                return output
            return _note(into(), site.name, args[0], output)

    watching = ExitStack()

    def before(_module: nn.Module, _inputs: object) -> None:
        watching.enter_context(Watch())

    def after(_module: nn.Module, _inputs: object, _output: object) -> None:
        watching.close()

    handles = [
        site.module.register_forward_pre_hook(before),
        site.module.register_forward_hook(after, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _note(
    notes: dict[str, Seen],
    name: str,
    given: torch.Tensor,
    output: torch.Tensor,
    entry: torch.Tensor | None = None,
) -> torch.Tensor:
    if name in notes:
        raise InputError(f"{name!r} is used more than once in a forward pass; leave it out.")
    # The lowest sites start the graph: nothing under them is ever differentiated. The model gets a copy
    # then, since it may not write into the start of a graph.
    y = output if output.requires_grad else output.detach().requires_grad_()
    notes[name] = Seen(given, y, y._version, entry)
    return y if y is output else y.clone()
