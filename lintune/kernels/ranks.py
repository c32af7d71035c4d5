"""Several processes on one computation: examples are shared out, and what each captured goes to all.

Processes are started by torchrun; where there is only one, nothing is sent. What is sent are the taps of
one stage at a time, so that every process can contract its share of the Gram matrices.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import distributed

from lintune.tangents import Tap

Taps = dict[str, Tap]


def rank() -> int:
    """Return the index of this process."""
    return distributed.get_rank() if _many() else 0


def count() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if _many() else 1


def summed_over_ranks(part: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes, in place."""
    if _many():
        distributed.all_reduce(part)
    return part


def sent_to_all(mine: Sequence[Taps], batches: int) -> list[Taps]:
    """Return the taps of all batches on all processes.

    Args:
        mine: The taps of this process's batches, which are every count-th from its rank on; at least one.
        batches: Number of batches.
    """
    if not _many():
        return list(mine)
    found = []
    for batch in range(batches):
        owner, place = batch % count(), batch // count()
        # Any batch has the same sites in the same order, and the same fields that share a tensor.
        pattern = mine[min(place, len(mine) - 1)]
        received = {key: _broadcast(tensor, owner) for key, tensor in _distinct(pattern).items()}
        found.append({name: _filled(tap, received) for name, tap in pattern.items()})
    return found


def _many() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _per_example(tap: Tap) -> dict[str, torch.Tensor]:
    """Return the fields that differ from batch to batch."""
    values = {field.name: getattr(tap, field.name) for field in fields(tap) if field.name in Tap.AXES}
    return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}


def _distinct(taps: Taps) -> dict[int, torch.Tensor]:
    return {id(value): value for tap in taps.values() for value in _per_example(tap).values()}


def _filled(tap: Tap, received: dict[int, torch.Tensor]) -> Tap:
    values: dict[str, Any] = {name: received[id(value)] for name, value in _per_example(tap).items()}
    return replace(tap, **values)


def _broadcast(like: torch.Tensor, owner: int) -> torch.Tensor:
    """Return the owner's tensor; `like` is it on the owner, elsewhere one of its type and dimensions."""
    shape = torch.tensor(like.shape, device=like.device)
    distributed.broadcast(shape, owner)
    tensor = like.contiguous() if rank() == owner else like.new_empty(shape.tolist())
    distributed.broadcast(tensor, owner)
    return tensor
