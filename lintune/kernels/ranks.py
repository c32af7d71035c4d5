"""Several processes on one computation: examples are shared out, and what each captured goes to all.

Processes are started by torchrun; where there is only one, nothing is sent. What is sent of a kernel are the
taps of one stage at a time, so that every process can contract its share of the Gram matrices.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import distributed

from lintune.errors import InputError
from lintune.tangents import Tap

Taps = dict[str, Tap]


class LostError(RuntimeError):
    """Another process did not take part in what all do together: it ended, or did not answer in time."""


def rank() -> int:
    """Return the index of this process."""
    return distributed.get_rank() if _many() else 0


def count() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if _many() else 1


def summed_over_ranks(part: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes, in place.

    Raises:
        LostError: Another process ended or did not answer.
    """
    if _many():
        _all_take_part(distributed.all_reduce, part)
    return part


def wait_for_all(device: str | torch.device) -> None:
    """Return when every process has come here.

    Args:
        device: Where this process computes.

    Raises:
        LostError: Another process ended or did not answer.
    """
    summed_over_ranks(torch.zeros(1, device=device)).item()


def check_alike(given: Mapping[str, str], device: torch.device) -> None:
    """Compare what the processes were given; all of them refuse what differs.

    Args:
        given: Descriptions by the name of what they describe, the same names on every process.
        device: Where the model is.

    Raises:
        InputError: A description is another on another process.
        LostError: Another process ended or did not answer.
    """
    if not _many():
        return
    digests = [list(hashlib.sha256(text.encode()).digest()) for text in given.values()]
    mine = torch.tensor(digests, dtype=torch.uint8, device=device)
    everyones = [torch.empty_like(mine) for _ in range(count())]
    _all_take_part(distributed.all_gather, everyones, mine)
    for place, name in enumerate(given):
        unlike = [r for r in range(count()) if not torch.equal(everyones[r][place], everyones[0][place])]
        if unlike:
            raise InputError(
                f"{name}: not the same on all processes; on rank {', '.join(map(str, unlike))} other than on "
                "rank 0. Give all of them the same files and the same versions of the libraries."
            )


def sent_to_all(mine: Sequence[Taps], batches: int) -> list[Taps]:
    """Return the taps of all batches on all processes.

    Args:
        mine: The taps of this process's batches, which are every count-th from its rank on; at least one.
        batches: Number of batches.

    Raises:
        LostError: Another process ended or did not answer.
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


def _all_take_part(collective: Callable[..., object], *given: object) -> None:
    """Call what every process has to call."""
    try:
        collective(*given)
        return
    except RuntimeError as error:
        said = str(error)
    # Raised here, without the error that it came from: its frames would keep the connections open, and
    # processes that wait for this one would not notice that it gives up.
    raise LostError(f"another process ended or did not answer: {said}")


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
    _all_take_part(distributed.broadcast, shape, owner)
    tensor = like.contiguous() if rank() == owner else like.new_empty(shape.tolist())
    _all_take_part(distributed.broadcast, tensor, owner)
    return tensor
