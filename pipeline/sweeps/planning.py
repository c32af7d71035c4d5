"""The plan of a sweep: every cell with what it is given and what it will cost, before any is run."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lintune import records
from lintune.errors import CorruptFileError, InputError
from pipeline.sweeps.file import FOLDER, Written, load
from pipeline.sweeps.names import to_path

BUILD = Path("build/sweep")
# What a plan is made by: another version of these makes another plan.
_CODE = ("lintune/studies/cells", "lintune/studies/cell_costs", "pipeline/sweeps")


@dataclass(frozen=True)
class Cell:
    """A cell of a sweep.

    Attributes:
        model: Name of the model.
        task: Name of the task.
        method: Label of the method.
        seed: Of the draw.
        given: All that its work depends on, as `pipeline.cell` takes it; None for a model that is not known.
        cost: The estimate (`lintune.studies.cell_costs.Estimate`), as plain numbers.
        assumed: Whether something had to be assumed for it.
    """

    model: str
    task: str
    method: str
    seed: int
    given: dict[str, Any] | None
    cost: Mapping[str, Any]
    assumed: bool

    @property
    def path(self) -> str:
        """Where its record goes, below the sweep's folder."""
        return f"{to_path(self.model)}/{to_path(self.task)}/{to_path(self.method)}/{self.seed}.json"

    @property
    def memory_mb(self) -> int:
        """What to ask for: the upper end of the estimate."""
        return math.ceil(self.cost["bytes_high"] / 1e6)

    @property
    def minutes(self) -> int:
        """What to ask for: the upper end of the estimate."""
        return max(1, math.ceil(self.cost["seconds_high"] / 60))


@dataclass(frozen=True)
class Plan:
    """A sweep laid out.

    Attributes:
        name: The sweep.
        cells: Every cell.
        threads: Of each.
        device: Where the models run.
        basis: In words, what the estimates rest on.
        unit: Whose time it is, `CPU` or `GPU`.
        unknown: What could not be read, a line each; such a sweep cannot be run here.
        assumed: What was assumed instead, a line each.
        disk: Bytes of all records.
        downloads: What will be fetched, a line each.
    """

    name: str
    cells: tuple[Cell, ...]
    threads: int
    device: str
    basis: str
    unit: str
    unknown: tuple[str, ...]
    assumed: tuple[str, ...]
    disk: int
    downloads: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where everything of the sweep goes."""
        return BUILD / self.name

    def total(self, key: str) -> float:
        """Return the sum of a number of the cells' costs."""
        return float(sum(cell.cost[key] for cell in self.cells))

    def wall(self, jobs: int, key: str = "seconds") -> float:
        """Return the seconds that so many jobs at a time take: the longest cell, or an even share."""
        longest = max(cell.cost[key] for cell in self.cells)
        return max(longest, self.total(key) / jobs)


def path_of(name: str) -> Path:
    """Return where the plan of a sweep is kept."""
    return BUILD / name / "plan.json"


def kept(name: str, folder: Path = FOLDER) -> Plan:
    """Return the plan of a sweep that can be run: the kept one, or a new one where anything has changed.

    Raises:
        InputError: Something in the sweep's file is wrong, or not to be had here; every cell was looked at.
    """
    written = load(name, folder)
    path = path_of(name)
    key = _key(written)
    if path.exists():
        try:
            record = records.read(path)
            if record["data"]["key"] == key:
                return _read(record["data"])
        except (CorruptFileError, KeyError, TypeError):
            pass  # of another version, or cut short: it is made anew
    made = make(written)
    if made.unknown:
        raise InputError("\n".join(f"{written.path}: {line}" for line in made.unknown))
    keep(made, written, key)
    return made


def keep(plan: Plan, written: Written, key: str | None = None) -> Path:
    """Write a plan as a record."""
    return records.write(
        f"plan of {plan.name}",
        {"key": key or _key(written), "plan": asdict(plan)},
        parameters=written.sweep.model_dump(),
        inputs={},
        device="cpu",
        dtype=written.sweep.dtype,
        stopwatch=records.Stopwatch(),
        path=path_of(plan.name),
    )


def make(written: Written) -> Plan:
    """Return the plan of a sweep, with assumptions where something is not on this machine.

    Raises:
        InputError: Something in the sweep's file is wrong; every cell was looked at.
    """
    from pipeline.sweeps.estimating import estimated  # torch and transformers: seconds to import

    return estimated(written)


def read(path: Path) -> Plan:
    """Read a plan that `kept` has written.

    Raises:
        CorruptFileError: The file is no plan.
    """
    data = records.read(path)["data"]
    try:
        return _read(data)
    except (KeyError, TypeError) as error:
        raise CorruptFileError(f"{path} is not a plan: {error!r}") from error


def _read(data: Mapping[str, Any]) -> Plan:
    plan: dict[str, Any] = dict(data["plan"])
    cells = tuple(Cell(**cell) for cell in plan.pop("cells"))
    plan |= {name: tuple(plan[name]) for name in ("unknown", "assumed", "downloads")}
    return Plan(cells=cells, **plan)


def _key(written: Written) -> str:
    """Return a hash of everything that a plan follows from."""
    from pipeline.sweeps.local import files_of

    sweep = written.sweep
    code = [path for folder in _CODE for path in sorted(Path(folder).glob("*.py"))]
    measured = sorted(Path("results").glob("scaling.*.json"))
    local = [path for name in (*sweep.models, *sweep.tasks) for path in map(Path, files_of(name))]
    seen = [written.sha256, *map(_hash, [*code, *measured]), *map(_stamp, local)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{path} {state.st_size} {state.st_mtime_ns}"
