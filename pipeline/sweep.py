"""Run a sweep: Snakemake under a lock that dies with its holder, after every cell was looked at.

    python -m pipeline.sweep smoke [--partial] [-- further options of snakemake]

What is there is not run again, and a cell that fails does not stop the others. Further options, such as
`-- --dry-run` or `-- --executor slurm --jobs 8`, are Snakemake's own.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lintune.errors import CorruptFileError, FetchError, InputError
from pipeline import engine, stamps
from pipeline.locks import alone
from pipeline.sweeps.planning import Plan, kept

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_RULES = "sweep.smk"


def options(plan: Plan, partial: bool, further: Sequence[str], machine: Path | None = None) -> list[str]:
    """Return Snakemake's options for a sweep.

    Args:
        plan: The sweep.
        partial: Whether to sum up what is there and run nothing.
        further: Options that follow ours.
        machine: Where jobs run, as in `engine.at`.

    Raises:
        InputError: The machine is not described.
    """
    chosen = ["-s", _RULES, "--config", f"sweep={plan.name}", *(["partial=1"] if partial else [])]
    if partial:
        chosen += ["--allowed-rules", "summary"]
    if machine is None:
        chosen += ["--resources", f"mem_mb={_memory_mb()}", *_gpus(plan.device)]
    chosen += ["--keep-going", "--quiet", "host", *engine.ALWAYS]
    return [*chosen, *engine.at(machine), *further]


def check_device(device: str) -> None:
    """Refuse a device that is not here.

    Raises:
        InputError: It is not; the message names the key of the sweep's file.
    """
    if device == "cpu":
        return

    from lintune.cli.devices import usable  # torch: seconds to import

    try:
        usable(device)
    except InputError as error:
        raise InputError(f"device: {error} Elsewhere it may be: --machine names where jobs run.") from error


def run(name: str, partial: bool, further: Sequence[str], machine: Path | None = None) -> int:
    """Run a sweep in the working directory and return Snakemake's exit code.

    Raises:
        InputError: Something in the sweep's file is wrong; nothing was started.
        FetchError: Something that it names cannot be fetched, or nothing was measured to plan by.
        CorruptFileError: Stored data are damaged.
    """
    plan = kept(name)
    chosen = options(plan, partial, further, machine)
    if machine is None and not partial:
        check_device(plan.device)
    with alone(plan.folder / ".lock", f"running the sweep {name} here"):
        stamps.settle_cells(plan.folder)
        return engine.run(chosen)


@app.command()
def main(
    name: Annotated[str, typer.Argument(help="The sweep: sweeps/NAME.yml.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Run nothing; sum up the cells that are there.")
    ] = False,
    machine: engine.Machine = None,
    further: engine.Further = None,
) -> None:
    """Run the cells that are missing, and sum up."""
    try:
        code = run(name, partial, further or [], machine)
    except (InputError, FetchError, CorruptFileError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:  # disk full, folder not writable
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if code:
        typer.echo(
            f"error: the sweep {name} is not finished; the reason is above, and what has been found is kept. "
            f"`python -m pipeline.sweep {name} --partial` sums that up.",
            err=True,
        )
        raise typer.Exit(code)
    typer.echo(f"The sweep {name}: {Path('build/sweep', name, 'summary.csv')}")


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000


def _gpus(device: str) -> list[str]:
    if not device.startswith("cuda"):
        return []
    import torch

    return [f"gpu={1 if ':' in device else torch.cuda.device_count()}"]


if __name__ == "__main__":
    app()
