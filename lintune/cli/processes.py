"""Several processes on one command, started by torchrun: they begin together, and they end together.

Nothing here is imported that takes time: a command that runs alone checks its options first.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer

from lintune.errors import InputError

Patience = Annotated[
    float,
    typer.Option(min=1, help="With torchrun: seconds that a process waits for another that does not answer."),
]


@contextmanager
def joined(device: str, patience: float) -> Iterator[str]:
    """Join the processes that torchrun has started, where it has; what ends one of them ends all.

    Args:
        device: The device that was asked for.
        patience: Seconds to wait for a process that does not answer.

    Yields:
        This process's device: of several GPUs each process takes its own.

    Raises:
        InputError: A GPU was asked for by number, or there are more processes than GPUs.
        Exit: Another process refused something, ended or did not answer; one of those that are left has
            said so.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield device
        return
    if os.environ["RANK"] != "0":
        os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported: bars of several would mix
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    from lintune.cli.roll_call import RollCall, ending_together

    store, rank, count = next(rendezvous("env://", timeout=timedelta(seconds=patience)))
    call = RollCall(PrefixStore("lintune", store), rank, count)
    with ending_together(call):
        own = _own(device)
        distributed.init_process_group(
            "nccl" if own.startswith("cuda") else "gloo",
            store=PrefixStore("group", store),
            rank=rank,
            world_size=count,
            timeout=timedelta(seconds=patience),
        )
        try:
            yield own
        finally:
            distributed.destroy_process_group()


def writes(device: str) -> bool:
    """Wait until every process has done its share; say whether this is the one that writes and prints.

    Args:
        device: This process's device.

    Raises:
        LostError: Another process ended or did not answer: nothing is written.
    """
    from lintune.kernels import ranks

    ranks.wait_for_all(device)
    return ranks.rank() == 0


def _own(device: str) -> str:
    """Return the device of this process, and take it."""
    if not device.startswith("cuda"):
        return device
    import torch

    # By their number on this machine, which is the same for all processes here: all of them refuse.
    wanted, there = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if device != "cuda" or wanted > there:
        raise InputError(
            f"device={device!r} for {wanted} processes on a machine with {there} GPUs: with torchrun ask "
            "for 'cuda', and for no more processes than there are GPUs."
        )
    own = f"cuda:{os.environ['LOCAL_RANK']}"
    torch.cuda.set_device(own)
    return own
