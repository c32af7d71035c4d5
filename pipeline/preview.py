"""The book before its notebooks are executed, to be read meanwhile: all prose, and the chapters so far.

    python -m pipeline.preview build/cpu

It is rendered from a copy of the sources in `build/preview`, without the rule that warnings are errors:
figures and numbers of chapters that are still to be executed are missing.
"""

import os
import shutil
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from pipeline import sources
from pipeline.render import render
from pipeline.stage import stage

FOLDER = Path("build/preview")
_LINKED = ("book", "results", "lintune")
_NOTE = "*This chapter has not been executed yet: its figures and numbers are missing.*"


def prepare(runs: Path, folder: Path = FOLDER) -> None:
    """Lay out what Sphinx reads: links to what is shared, and each notebook as far as it has come.

    Args:
        runs: Folder with a folder for each notebook that was executed.
        folder: Where to lay it out; emptied first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    executed = folder / sources.FOLDER / "executed"
    executed.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(name, folder / name)
    for name in filter(os.path.exists, _LINKED):
        (folder / name).symlink_to(Path(name).absolute())
    for name, source in sources.all_sources().items():
        shutil.copy2(source, folder / source)
        if (runs / name / "done").exists():
            stage(runs / name, source, executed / f"{name}.ipynb")
        else:
            notebook = sources.read(source)
            notebook.cells[0].source += f"\n\n{_NOTE}"  # below the title
            nbformat.write(notebook, executed / f"{name}.ipynb")


def rendered(folder: Path = FOLDER) -> Path | None:
    """Render what `prepare` laid out; return the first page, or None where Sphinx failed."""
    render(folder, strict=False)  # warnings would be about what is missing so far
    page = folder / "_build" / "html" / "index.html"
    return page if page.exists() else None


def main(
    runs: Annotated[Path, typer.Argument(help="Folder of the executed notebooks of one profile.")],
) -> None:
    """Render the book as far as it has come; a failure is no failure of the build."""
    prepare(runs)
    page = rendered()
    if page:
        typer.echo(f"To read meanwhile, with the chapters executed so far: {page.absolute().as_uri()}")


if __name__ == "__main__":
    typer.run(main)
