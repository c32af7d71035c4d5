"""Execute one notebook with papermill, whole or not at all.

    python -m pipeline.execute notebooks/NAME.md --profile cpu -p shots=4 -p "seeds=[0, 1]"

Parameters come from the notebook's defaults, then the profile, then a file, then the command line, and are
checked before a kernel starts. The run takes place in a folder of its own; only when it ends without an error
do `OUT/notebook.ipynb` and `OUT/records/` replace those of the run before, and `OUT/done` is stamped with the
time at which the run began: a module edited meanwhile counts as newer. The kernel finds the folder for its
records in the environment variable LINTUNE_RECORDS. Torch uses as many threads as it finds cores; set
OMP_NUM_THREADS to give it fewer.
"""

import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import nbformat
import papermill
import typer
from ipykernel.kernelspec import write_kernel_spec
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from lintune.errors import InputError
from pipeline import parameters, parent, profiles, sources, stamps
from pipeline.kernels import stand_in, warm
from pipeline.locks import alone
from pipeline.variables import variables

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class NotebookError(RuntimeError):
    """A notebook could not be executed to its end."""


def execute(source: Path, given: Mapping[str, Any], out: Path) -> None:
    """Execute a notebook and put its results in place.

    Args:
        source: The jupytext source.
        given: Parameters that differ from the notebook's defaults.
        out: Folder for `notebook.ipynb`, `records/` and `done`; on an error, what is there stays as it is.

    Raises:
        InputError: A parameter is unknown or of another type; nothing was started.
        NotebookError: A cell failed; the notebook up to there is kept in `failed/` beside `out`.
    """
    parameters.check(source, given)
    notebook = sources.read(source)
    out = out.absolute()
    with alone(out.parent / f".{out.name}.lock", f"executing {source} into {out}"):
        for abandoned in out.glob("running-*"):  # left by a run that was killed
            shutil.rmtree(abandoned, ignore_errors=True)
        out.mkdir(parents=True, exist_ok=True)
        began = time.time()
        # A folder of its own: the kernel of a killed run lives on for a second and may still write.
        with tempfile.TemporaryDirectory(dir=out, prefix="running-") as folder:
            running = Path(folder)
            try:
                executed = _run(notebook, given, running)
            except NotebookError as error:
                kept = _keep(running / "notebook.ipynb", out.parent / "failed" / f"{source.stem}.ipynb")
                raise NotebookError(f"{source} failed {error}\nThe notebook up to there: {kept}") from error
            _put_in_place(executed, source, running, out)
        stamps.write(out, began)


def _run(notebook: NotebookNode, given: Mapping[str, Any], running: Path) -> NotebookNode:
    # papermill reads fewer type annotations than `parameters` does, and would warn of parameters that exist.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        with _kernel_environment(running):
            executed: NotebookNode = papermill.execute_notebook(
                notebook,
                running / "notebook.ipynb",
                parameters=dict(given),
                kernel_name="python3",
                start_timeout=600,  # seconds: the warm process may still be reading torch from a slow disk
                cwd=Path.cwd(),
                stderr_file=sys.stderr,  # progress bars and warnings of the cells
                # Anyone on this machine may read plain TCP, and the kernel warns of it in every run.
                config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            )
    except PapermillExecutionError as error:
        raise NotebookError(_told(error.cell_index, error)) from error
    except (DeadKernelError, CellControlSignal) as error:
        raise NotebookError(f"because its kernel stopped; was there enough memory? {error}") from error
    # What a cell tagged `raises-exception` lets pass would be an error in print all the same.
    for place, cell in enumerate(executed.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise NotebookError(_told(place, output))
    return executed


def _told(place: int, error: Any) -> str:
    """Tell of an error in a cell: where, from the cell down to the line that raised it, and what."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    where = [line for line in plain.splitlines() if re.match(r"Cell In|File |-+> ", line)]
    return "\n".join([f"in cell {place}:", *where, f"{error.ename}: {error.evalue}"])


@contextmanager
def _kernel_environment(running: Path) -> Iterator[None]:
    """Set what the kernel inherits: this interpreter, figures in the notebook, the folder for records."""
    (running / "records").mkdir()
    # A kernel named python3 of the user or of JUPYTER_PATH may be another interpreter: ours goes first.
    write_kernel_spec(running / "jupyter" / "kernels" / "python3", {"argv": stand_in.COMMAND})
    search = [str(running / "jupyter"), os.environ.get("JUPYTER_PATH", "")]
    wanted = {
        "JUPYTER_PATH": os.pathsep.join(filter(None, search)),
        "LINTUNE_RECORDS": str(running / "records"),
        **warm.environment(),
    }
    with variables(wanted):
        yield


def _keep(notebook: Path, where: Path) -> Path:
    where.parent.mkdir(parents=True, exist_ok=True)
    if notebook.exists():
        os.replace(notebook, where)
    return where


def _put_in_place(executed: NotebookNode, source: Path, running: Path, out: Path) -> None:
    """Replace the results of the run before; the notebook comes last and so stands for all of them."""
    sources.number_cells(executed)
    executed.metadata.papermill["input_path"] = source.as_posix()
    executed.metadata.papermill["output_path"] = "notebook.ipynb"  # not a path of this machine
    nbformat.write(executed, running / "notebook.ipynb")
    records, replaced = out / "records", running / "replaced"
    if records.exists():
        records.rename(replaced)
    try:
        (running / "records").rename(records)
        os.replace(running / "notebook.ipynb", out / "notebook.ipynb")
    except OSError:
        if records.exists():
            records.rename(running / "records")
        if replaced.exists():
            replaced.rename(records)
        raise


def _collected(
    source: Path, profile: str | None, file: Path | None, assignments: list[str]
) -> dict[str, Any]:
    given = profiles.of_notebook(profile or profiles.fitting(), source)
    if file is not None:
        content = parameters.read_yaml(file) or {}
        if not isinstance(content, dict):
            raise InputError(f"{file}: expected lines like `parameter: value`.")
        given = given | content
    return given | parameters.from_command_line(source, assignments)


@app.command()
def main(
    source: Annotated[Path, typer.Argument(help="Notebook source, such as notebooks/NAME.md.")],
    profile: Annotated[
        str | None,
        typer.Option(envvar="PROFILE", help="Parameter set; without it, the one that fits the machine."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="One parameter; may be repeated."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="YAML file of parameters.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; build/own/NAME without it.")
    ] = None,
    end_with_parent: parent.EndWithParent = False,
) -> None:
    """Execute one notebook; its results go to OUT, whole or not at all."""
    if end_with_parent:
        parent.end_with_parent()
    out = out or Path("build/own") / source.stem
    try:
        execute(source, _collected(source, profile, file, parameter or []), out)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except (NotebookError, OSError) as error:  # OSError: disk full, folder not writable
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"executed: {out / 'notebook.ipynb'}, records in {out / 'records'}")


if __name__ == "__main__":
    app()
