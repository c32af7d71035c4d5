"""Measurements to disk and to the screen."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.compare import Run, inputs_by_hash
from lintune import records
from lintune.records import Stopwatch

_PEERS = ("backpack-for-pytorch", "curvlinops-for-pytorch", "kronfluence", "opacus", "peft", "traker")


def write(
    out: Path,
    data: Mapping[str, Any],
    parameters: Mapping[str, Any],
    stopwatch: Stopwatch,
    *,
    inputs: Mapping[str, str] | None = None,
    dtype: str = "float32",
) -> Path:
    """Write a record of measurements to `out`, with the machine and the peers' versions.

    Args:
        out: A path that ends in `.json`.
        data: What was measured.
        parameters: What the command was asked for; `device` and `threads` are among them.
        stopwatch: Started when the command started.
        inputs: Hashes of what was read; None for those of the model and the sentences.
        dtype: What was computed in.
    """
    os.environ["LINTUNE_RECORDS"] = str(out.parent)  # where records go is said by the environment
    torch.set_num_threads(parameters["threads"])  # what the workers used is what the record should say
    return records.write(
        out.stem,
        {**data, "machine": _machine(), "peers": {name: _version(name) for name in _PEERS}},
        parameters=parameters,
        inputs=inputs_by_hash() if inputs is None else inputs,
        device=parameters["device"],
        dtype=dtype,
        stopwatch=stopwatch,
    )


def table(summary: Mapping[str, Run], device: str) -> str:
    """Return the summary of a comparison as lines of text."""
    memory = "peak" if device == "cpu" else "device_peak"
    lines = [_row("way", "options", "CPU s", "wall s", "x lintune", "peak GB", "error", "note")]
    for name, found in sorted(summary.items(), key=lambda item: item[1].get("ratio") or 0.0):
        lines.append(f"{name:<20}{found['failure']}" if "failure" in found else _line(name, found, memory))
    return "\n".join(lines)


def _line(name: str, found: Run, memory: str) -> str:
    options = ",".join(f"{key}={value}" for key, value in found["options"].items())
    note = f"1/{found['scaled_by']:.0f} of the rows ran" if found["scaled_by"] > 1 else ""
    times = [
        _shown(found[column], form) for column, form in (("cpu", ".1f"), ("wall", ".1f"), ("ratio", ".2f"))
    ]
    rest = _shown(found[memory], ".2f", 1e9), _shown(found["error"], ".0e")
    return _row(name, options, *times, *rest, note)


def _row(name: str, options: str, *columns: str) -> str:
    *numbers, note = columns
    return f"{name:<20}{options:<16}{''.join(f'{number:>11}' for number in numbers)}  {note}".rstrip()


def _shown(value: float | None, form: str, unit: float = 1.0) -> str:
    return "" if value is None else format(value / unit, form)


def _machine() -> dict[str, Any]:
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": os.getloadavg()[0],
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
