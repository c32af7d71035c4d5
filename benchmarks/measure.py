"""What one call costs: time on the clock, time of the processor, and the most memory in use."""

import ctypes
import gc
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

T = TypeVar("T")
_SPARE = 2_000_000_000  # bytes for activations and everybody else


class Refused(RuntimeError):
    """A way cannot or should not run here; the message says why and goes into the record."""


@dataclass(frozen=True)
class Cost:
    """What a call cost.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of the processor, user and system, all threads.
        peak: Most bytes of memory the process held during the call, loaded model included; None where the
            system does not tell.
        before: Bytes it held when the call began.
        device_peak: Most bytes allocated on a GPU during the call; None on the CPU.
    """

    wall: float
    cpu: float
    peak: int | None
    before: int | None
    device_peak: int | None


def measured(call: Callable[[], T], device: torch.device) -> tuple[T, Cost]:
    """Return what a call returns, and its cost."""
    gc.collect()
    _give_back_freed()
    before = _status("VmRSS")
    tells_peak = _reset_peak()
    _settle(device)
    wall, cpu = time.perf_counter(), _cpu()
    found = call()
    _settle(device)
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    peak = _status("VmHWM") if tells_peak else None
    on_device = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return found, Cost(wall, cpu, peak, before, on_device)


def resident() -> int | None:
    """Return how many bytes of memory the process holds now; None where the system does not tell."""
    gc.collect()
    _give_back_freed()
    return _status("VmRSS")


def require_room(size: int, what: str, device: torch.device) -> None:
    """Refuse before a way takes more memory than there is: the system would stop more than this process.

    Args:
        size: Bytes that will be taken, activations not counted.
        what: What takes them, for the message.
        device: Where.

    Raises:
        Refused: Not so much is free.
    """
    if device.type == "cuda":
        free: int | None = torch.cuda.mem_get_info(device)[0]
    else:
        free = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    if free is not None and size + _SPARE > free:
        raise Refused(f"{what} take {size / 1e9:.1f} GB; {free / 1e9:.1f} GB are free")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _settle(device: torch.device) -> None:
    """Wait until the GPU has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset_peak() -> bool:
    """Start the system's record of peak memory anew; False where it cannot be."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _give_back_freed() -> None:
    """Return what earlier work freed to the system, so that it does not count as this call's memory."""
    if sys.platform == "linux" and os.confstr("CS_GNU_LIBC_VERSION"):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _status(field: str) -> int | None:
    return _kilobytes(Path("/proc/self/status"), field)


def _kilobytes(path: Path, field: str) -> int | None:
    """Return a field of a file of `Field:  123 kB` lines, in bytes."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * 1024 if found else None
