"""How fast a device multiplies matrices: the one number by which measurements are carried to another."""

import platform
import time
from pathlib import Path

import torch

# Large enough that a product is not bound by memory, on a CPU and on a GPU.
_SIDE = {"cpu": 1024, "cuda": 8192}
_TURNS = 5


def throughput(device: str) -> float:
    """Return the products of numbers in a second that a device makes in float32, with torch's threads.

    Args:
        device: Such as `cpu` or `cuda:1`.
    """
    side = _SIDE.get(device.partition(":")[0], _SIDE["cpu"])
    left = torch.ones(side, side, device=device)
    seconds = [_timed(left) for _ in range(1 + _TURNS)]
    return side**3 / min(seconds[1:])


def _timed(matrix: torch.Tensor) -> float:
    started = time.perf_counter()
    float((matrix @ matrix)[0, 0])  # waits for a GPU
    return time.perf_counter() - started


def processor(device: str) -> str:
    """Return the name of the processor or GPU that a device is."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
