"""A module that computes something else for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def replaced(module: nn.Module, forward: Callable[..., object]) -> Iterator[None]:
    """Let a module compute `forward` inside the context; whatever it computed before is restored after.

    A forward set on the module itself, as libraries that move weights about do, comes back too.
    """
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if before is not None:
            module.forward = before
