"""Several processes on one command, started by torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed


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
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def is_first() -> bool:
    """Say whether this process is the one that writes and prints."""
    return not distributed.is_initialized() or distributed.get_rank() == 0
