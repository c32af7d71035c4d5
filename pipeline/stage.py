"""Put an executed notebook and its record where the book takes them from, each figure with its origin.

    python -m pipeline.stage build/cpu/NAME notebooks/NAME.md notebooks/executed/NAME.ipynb

Under the caption of every figure comes what it was drawn from: models, tasks, parameters, number of seeds,
device and revision of the record, with links to the record and to the notebook's source.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import nbformat
import typer
from nbformat import NotebookNode

from lintune import records
from lintune.errors import CorruptFileError
from pipeline.origins import OWN, origins

COMMITTED = Path("results")
SHOWN = 6  # parameters under a figure; the record has them all
_LONGEST = 24  # characters of a parameter's value
_TOLD = ("model", "task", "tasks", "seed", "seeds", "draws", "instances", "device")  # by `records.told`


def stage(run: Path, source: Path, target: Path) -> None:
    """Stage what a run of a notebook left.

    Args:
        run: Folder of the run: `notebook.ipynb` and `records/`.
        source: The notebook's source.
        target: The staged notebook; its records go to `records/` beside it.

    Raises:
        CorruptFileError: The run left no record under the notebook's name, or what it left is damaged.
    """
    own = run / "records" / f"{source.stem}.json"
    if not own.exists():
        raise CorruptFileError(
            f"{source} wrote no record {own.name}: every chapter writes one under its name."
        )
    notebook = _executed(run / "notebook.ipynb")
    found = origins(notebook)
    for place, cell in enumerate(notebook.cells):
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure:
            figure["caption"] += "\n\n" + origin(found[place] or {OWN}, own, source, target)
    (target.parent / "records").mkdir(parents=True, exist_ok=True)
    for file in (run / "records").iterdir():
        shutil.copy2(file, target.parent / "records" / file.name)
    nbformat.write(notebook, target)


def _executed(path: Path) -> NotebookNode:
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # of a damaged file nbformat and Python say whatever they stumble over
        raise CorruptFileError(
            f"{path} is not the notebook that was written. Remove {path.parent / 'done'} and build again: it "
            "is executed anew."
        ) from error
    return notebook


def origin(names: set[str], own: Path, source: Path, target: Path) -> str:
    """Return in MyST what a figure was drawn from, record by record.

    Args:
        names: Names of committed records; `OWN` for that of the chapter.
        own: The chapter's record as the run left it.
        source: The notebook's source.
        target: The staged notebook, from which links start.
    """
    up = "../" * len(target.parent.parts)
    links = {OWN: (own, f"{{download}}`this run's record <records/{own.name}>`")}
    for name in names - {OWN}:
        path = COMMITTED / f"{name}.json"
        links[name] = (path, f"{{download}}`reference record <{up}{path}>`")
    told = [f"{_told(path)} ({link})" for name, (path, link) in sorted(links.items()) if name in names]
    return f"Drawn from {' and '.join(told)}; {{download}}`source <{up}{source}>`."


def _told(path: Path) -> str:
    """Return what a record was computed from and on, with the first of its parameters."""
    record = records.read(path)
    given = record["parameters"]
    parts = any(isinstance(value, Mapping) for value in given.values())  # of a grid: each has its own
    shown = {} if parts else {name: value for name, value in given.items() if name not in _TOLD}
    short = [f"{name} {value}" for name, value in shown.items() if len(str(value)) <= _LONGEST]
    return "; ".join([records.told(record), *filter(None, [", ".join(short[:SHOWN]).replace("_", " ")])])


def main(
    run: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the run.")],
    source: Annotated[Path, typer.Argument(exists=True, help="The notebook's source.")],
    target: Annotated[Path, typer.Argument(help="The staged notebook.")],
) -> None:
    """Put an executed notebook and its records in place, each figure with its origin."""
    try:
        stage(run, source, target)
    except (CorruptFileError, OSError) as error:  # OSError: disk full, folder not writable
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
