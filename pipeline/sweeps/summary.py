"""The cells of a sweep put together: one record, one table."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lintune import records
from lintune.errors import InputError
from lintune.studies.cell_summary import by_method, prediction
from pipeline.sweeps.planning import Cell, read

# Of a cell's record these are no numbers of a row.
_NESTED = ("trials", "kernel", "tokens", "stages")


def summarise(path: Path, out: Path, partial: bool = False) -> None:
    """Write the summary of a planned sweep, and its table beside it as CSV.

    Args:
        path: The plan.
        out: The record, a path that ends in `.json`.
        partial: Whether cells may be missing; the record then says which.

    Raises:
        InputError: A cell is missing, or none is there.
        CorruptFileError: A cell's file is no record.
    """
    stopwatch, plan = records.Stopwatch(), read(path)
    missing = [cell.path for cell in plan.cells if not (path.parent / cell.path).exists()]
    if missing and not partial:
        raise InputError(
            f"{len(missing)} of {len(plan.cells)} cells are missing, {missing[0]} among them; --partial sums "
            "up what is there."
        )
    there = [(cell, records.read(path.parent / cell.path)) for cell in plan.cells if cell.path not in missing]
    if not there:
        raise InputError(f"{path.parent}: no cell is there to sum up.")
    rows = pd.DataFrame([_row(cell, record) for cell, record in there])
    table = by_method(rows)
    environment = there[0][1]["environment"]
    records.write(
        f"sweep {plan.name}",
        {
            "table": _plain(table),
            "cells": _plain(rows),
            "prediction": {name: _number(value) for name, value in prediction(rows).items()},
            "plan": {"basis": plan.basis, "assumed": plan.assumed},
            "missing": missing,
        },
        parameters=records.read(path)["parameters"],
        inputs={name: value for _, record in there for name, value in record["inputs"].items()},
        device="cpu" if environment["device"].startswith("cpu") else plan.device,
        dtype=environment["dtype"],
        stopwatch=stopwatch,
        path=out,
    )
    part = out.with_suffix(".csv.part")
    table.to_csv(part, index=False)
    part.replace(out.with_suffix(".csv"))


def _row(cell: Cell, record: dict[str, Any]) -> dict[str, Any]:
    data = record["data"]
    cost = cell.cost
    return {
        "model": cell.model,
        "task": cell.task,
        "method": cell.method,
        "seed": cell.seed,
        **{name: value for name, value in data.items() if name not in _NESTED},
        **{f"kernel {name}": value for name, value in data["kernel"].items()},
        **{f"seconds of {name}": value for name, value in data["stages"].items()},
        **{f"predicted_{name}": cost[name] for name in ("seconds", "seconds_low", "seconds_high", "bytes")},
    }


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(_cells(row)) for row in table.to_dict("records")]


def _cells(row: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        yield str(name), _number(value)


def _number(value: Any) -> Any:
    """Return the value, or None for a number that no record can hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
