"""Snakemake, called from Python: what all of our runs ask of it, and the code with which it ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from snakemake.cli import main as snakemake

from lintune.errors import InputError

MACHINES = Path("machines")

# Options of the commands that call it.
Machine = Annotated[
    Path | None, typer.Option(help="Where jobs run, such as machines/slurm; without it, on this machine.")
]
Further = Annotated[list[str] | None, typer.Argument(help="Options of snakemake, after `--`.")]

# Its lock outlives a kill, ours does not; what a killed run left half done is done again. The exact scheduler
# solves a linear program for which our jobs give no reason. Modification times alone decide, as with make:
# `touch` re-runs what depends on the file.
ALWAYS = (
    *("--cores", "all", "--nolock", "--rerun-incomplete"),
    *("--scheduler", "greedy", "--max-checksum-file-size", "0"),
)


def at(machine: Path | None) -> list[str]:
    """Return the options for jobs on a machine: a folder of a Snakemake profile, None for this one.

    Raises:
        InputError: The machine is not described.
    """
    if machine is None:
        return []
    if not (machine / "config.yaml").is_file():
        there = ", ".join(sorted(str(each.parent) for each in MACHINES.glob("*/config.yaml"))) or "none"
        raise InputError(f"machine={str(machine)!r} holds no config.yaml; there are {there}.")
    return ["--profile", str(machine)]


def run(options: Sequence[str]) -> int:
    """Run Snakemake in the working directory and return its exit code."""
    try:
        snakemake(list(options))
    except SystemExit as end:  # how its command line ends
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
