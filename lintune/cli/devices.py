"""Devices and floating-point types as a command names them, tried out before any work."""

import torch

from lintune.errors import InputError


def usable(device: str) -> torch.device:
    """Return a device that a number went to and came back from.

    Raises:
        InputError: There is no such device on this machine.
    """
    try:
        torch.zeros(1, device=device).item()
        return torch.device(device)
    # torch without CUDA fails an assertion; a name that is none is a RuntimeError.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        count = torch.cuda.device_count()
        there = ["cpu", *(f"cuda:{number}" for number in range(count))]
        raise InputError(f"device={device!r} cannot be used; on this machine: {', '.join(there)}.") from error


def weights_type(name: str, device: torch.device) -> torch.dtype:
    """Return the type of the weights; of tf32, after asking for it in products.

    Raises:
        InputError: tf32 on a device that has none.
    """
    if name != "tf32":
        torch.set_float32_matmul_precision("highest")
        return getattr(torch, name)
    if device.type != "cuda":
        raise InputError(f"dtype='tf32' is a way of CUDA devices; device='{device}' has float32.")
    torch.set_float32_matmul_precision("high")
    return torch.float32
