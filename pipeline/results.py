"""Run the reference grids that are missing: Snakemake under a lock that dies with its holder.

    python -m pipeline.results [--machine machines/slurm] [-- further options of snakemake]

Parts are made one after the other here, for each takes all cores; on a cluster each is a job. A part depends
on nothing but its own absence. Further options, such as `-- --dry-run`, are Snakemake's own.
"""

from collections.abc import Sequence
from pathlib import Path

import typer

from lintune.errors import InputError
from pipeline import engine
from pipeline.locks import alone

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
LOCK = Path("build/reference/.lock")


def options(further: Sequence[str], machine: Path | None = None) -> list[str]:
    """Return Snakemake's options for the reference grids.

    Args:
        further: Options that follow ours.
        machine: Where jobs run, as in `engine.at`.

    Raises:
        InputError: The machine is not described.
    """
    one_by_one = ["--cores", "1"] if machine is None else []
    chosen = ["-s", "results.smk", *engine.ALWAYS, "--rerun-triggers", "mtime", *one_by_one]
    return [*chosen, *engine.at(machine), *further]


@app.command()
def main(
    machine: engine.Machine = None,
    further: engine.Further = None,
) -> None:
    """Run the parts that are missing, and put grids together that are whole."""
    try:
        chosen = options(further or [], machine)
        with alone(LOCK, "running the reference grids here"):
            code = engine.run(chosen)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:  # disk full, folder not writable
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if code:
        typer.echo(
            "error: the reference grids are not whole; the reason is above, finished parts are kept.",
            err=True,
        )
        raise typer.Exit(code)


if __name__ == "__main__":
    app()
