"""Several processes on one command, started by torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from lintune.errors import InputError


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the processes that torchrun has started, where it has.

    Args:
        device: The device that was asked for.

    Yields:
        This process's device: of several GPUs each process takes its own.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield device
        return
    if device.startswith("cuda"):
        own, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if device != "cuda" or own >= there:
            raise InputError(
                f"device={device!r} for process {own} of this machine with {there} GPUs: with torchrun ask "
                "for 'cuda', and for no more processes than there are GPUs."
            )
        device = f"cuda:{own}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def is_first() -> bool:
    """Say whether this process is the one that writes and prints."""
    return not distributed.is_initialized() or distributed.get_rank() == 0
