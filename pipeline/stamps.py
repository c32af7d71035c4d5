"""Times that Snakemake goes by, put right before it looks at them.

Modification times alone say what is up to date, and two things make them wrong. Snakemake sets the time of a
stamp anew when its job has ended, so that a module edited while a notebook ran would count as older than
the results: the stamp holds the time at which the run began, as the record of a sweep's cell does. And where
the clock has gone back, what was made before bears a time in the future, and later edits count as older.
"""

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import typer

from lintune import records
from lintune.errors import CorruptFileError

STAMP = "done"
RUNS = Path("build")
PAGES = Path("_build/html/index.html")
# What the book is made from: folders, and files beside them.
_SOURCES = ("book", "lintune", "notebooks", "pipeline", "results")
_OLD = 1.0  # older than every file; Snakemake takes a time of 0 for none
_AHEAD = 2.0  # seconds that the clocks of two machines, or a coarse file system, may differ


def write(out: Path, began: float) -> None:
    """Stamp the folder of a run that has ended.

    Args:
        out: Folder of the run.
        began: When it began, in seconds since the epoch.
    """
    part = out / f".{STAMP}.part"
    part.write_text(f"{began}\n", encoding="ascii")
    os.utime(part, (began, began))
    os.replace(part, out / STAMP)


def settle(folder: Path = Path(".")) -> None:
    """Give stamps the time at which their runs began, and let nothing bear a time in the future.

    What was made in the future is made again; sources from there get the time of now. To be called while
    no build is under way.

    Args:
        folder: The project's folder.
    """
    now = time.time()
    for stamp in sorted((folder / RUNS).glob(f"*/*/{STAMP}")):
        _age(stamp, _began(stamp), now)
    if _is_ahead(folder / PAGES, now):
        (folder / PAGES).unlink()
        (folder / PAGES.parts[0] / "complete").unlink(missing_ok=True)  # Sphinx goes by times as well
    _settle_sources(folder, now)


def settle_cells(sweep: Path, folder: Path = Path(".")) -> None:
    """Do the same for a sweep: its cells bear the time at which they began, and nothing one in the future.

    To be called while the sweep is not under way.

    Args:
        sweep: The sweep's folder.
        folder: The project's folder.
    """
    now = time.time()
    for cell in sorted(sweep.glob("*/*/*/*.json")):
        _age(cell, _started(cell), now)
    for made in (sweep / "plan.json", sweep / "summary.json", sweep / "summary.csv"):
        if _is_ahead(made, now):
            os.utime(made, (now, now) if made.stem == "plan" else (_OLD, _OLD))
    _settle_sources(folder, now)


def _age(path: Path, began: float | None, now: float) -> None:
    """Give a result the time at which its making began, or one before all others where that is not known."""
    # Aged, not removed: Snakemake does not miss a stamp whose results are staged.
    age = began if began is not None and began <= now + _AHEAD else _OLD
    os.utime(path, (age, age))


def _settle_sources(folder: Path, now: float) -> None:
    ahead = [path for path in _sources(folder) if _is_ahead(path, now)]
    for path in ahead:
        os.utime(path, (now, now))
    if ahead:
        typer.echo(
            f"{ahead[0]} and {len(ahead) - 1} more files bore a time in the future: the clock has gone back. "
            "They count as changed now.",
            err=True,
        )


def _began(stamp: Path) -> float | None:
    """Return when the run of a stamp began; None where the stamp does not say."""
    try:
        return float(stamp.read_text(encoding="ascii"))
    except ValueError:
        return None


def _started(cell: Path) -> float:
    """Return when a cell began; the time of the file where it is no record, which the summary refuses."""
    try:
        return datetime.fromisoformat(records.read(cell)["run"]["started"]).timestamp()
    except (CorruptFileError, KeyError, TypeError, ValueError):
        return cell.stat().st_mtime


def _sources(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.iterdir() if path.is_file())
    for name in _SOURCES:
        yield from (path for path in (folder / name).rglob("*") if path.is_file())


def _is_ahead(path: Path, now: float) -> bool:
    return path.exists() and path.stat().st_mtime > now + _AHEAD
