"""On which measurements a plan rests, and whether they were made on such a machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lintune import records
from lintune.cli.devices import usable
from lintune.errors import FetchError, InputError
from lintune.studies.cell_costs import Laws
from lintune.studies.cell_costs.throughput import processor, throughput

FOLDER = Path("results")


@dataclass(frozen=True)
class Basis:
    """The laws that a plan uses.

    Attributes:
        laws: Of a cell's constituents.
        unit: Whose time it is, `CPU` or `GPU`.
        said: In words: the record, its machine, and how it was carried to this one.
        cell_bytes: What a cell found takes as text.
    """

    laws: Laws
    unit: str
    said: str
    cell_bytes: int


def basis(device: str, folder: Path = FOLDER) -> Basis:
    """Return what a plan for a device rests on.

    Where that kind of device, or this machine, was not measured, times are those of the CPU's record,
    multiplied by how much slower or faster the device multiplies matrices, if it is here to be asked.

    Raises:
        FetchError: There is no record at all.
        CorruptFileError: The record holds no laws.
    """
    kind = device.partition(":")[0]
    own, fallback = folder / f"scaling.{kind}.json", folder / "scaling.cpu.json"
    path = own if own.exists() else fallback
    if not path.exists():
        raise FetchError(f"{path} is not there: `python -m benchmarks.cells` measures it.")
    record = records.read(path)
    measured_on = record["data"]["processor"]
    said = f"{path}, measured on {measured_on} with {record['parameters']['threads']} thread(s)"
    pace, unit = 1.0, "CPU" if path == fallback else "GPU"
    if path != own:
        said = f"no measurement on {kind}: {said}"
    if path != own or measured_on != _here(device):
        factor = _factor(device, record["data"])
        if factor is None:
            said += "; these are its times as they stand, for the device is not here to be asked"
        else:
            pace, unit = factor, "CPU" if kind == "cpu" else "GPU"
            said += f"; times x {pace:.3g} by what {_here(device)} multiplies in a second: an extrapolation"
    return Basis(
        Laws.read(record["data"], pace),
        unit,
        said,
        int(record["data"]["cell_bytes"]) + sum(len(str(record[key])) for key in ("environment", "run")),
    )


def _factor(device: str, data: dict[str, Any]) -> float | None:
    """Return times on the device over times of the record; None where it is not here."""
    try:
        usable(device)
    except InputError:
        return None
    return float(data["throughput"]) / throughput(device)


def _here(device: str) -> str:
    try:
        usable(device)
    except InputError:
        return device
    return processor(device)
