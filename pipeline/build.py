"""Make the book: Snakemake under a lock that dies with its holder.

    python -m pipeline.build [--profile cpu] [--machine machines/slurm] [-- further options of snakemake]

Snakemake's own lock outlives a kill, so it is off and a file lock takes its place; what a killed build left
half done is done again. Further options, such as `-- --dry-run`, are Snakemake's own.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from snakemake.utils import available_cpu_count

from lintune.errors import InputError
from pipeline import engine, profiles, resources, sources, stamps
from pipeline.kernels import warm
from pipeline.locks import alone

BOOK = Path("_build/html/index.html")
PREVIEW = Path("build/preview/done")
LONGEST = ("tangent_kernel", "one_pass")  # begun last, they would run on when all else is done
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def options(profile: str, further: list[str], machine: Path | None = None) -> list[str]:
    """Return Snakemake's options for a build.

    Args:
        profile: The profile that the notebooks are executed with.
        further: Options that follow ours.
        machine: Where jobs run, as in `engine.at`.

    Raises:
        InputError: The machine is not described.
    """
    chosen = ["--config", f"profile={profile}", "--quiet", "host", "progress", *engine.ALWAYS]
    chosen += engine.at(machine)
    if further:
        return [*chosen, *further]
    there = sources.all_sources()
    early = [f"notebooks/executed/{name}.ipynb" for name in LONGEST if name in there]
    first_time = not BOOK.exists() and not PREVIEW.exists()
    if first_time and profile != "smoke":  # something to read while notebooks run; smoke is done before that
        return [*chosen, "--prioritize", str(PREVIEW), *early, "--", str(BOOK), str(PREVIEW)]
    return [*chosen, "--prioritize", *early] if early else chosen


def build(profile: str, further: list[str], machine: Path | None = None) -> int:
    """Build in the working directory and return Snakemake's exit code.

    Raises:
        InputError: The profile does not fit the notebooks, or the machine is not described; nothing was
            started.
    """
    profiles.checked(profile)
    resources.load(profile)
    chosen = options(profile, further, machine)
    with alone(Path(".build.lock"), "building here"):
        stamps.settle()
        # A fork after torch is safe on Linux, and while no GPU was asked.
        if machine is not None or profile == "gpu" or sys.platform != "linux":
            return engine.run(chosen)
        threads = max(1, available_cpu_count() // 2)  # as many as the Snakefile gives to most notebooks
        with warm.kernels(threads):
            return engine.run(chosen)


@app.command()
def main(
    profile: Annotated[
        str | None,
        typer.Option(envvar="PROFILE", help="Parameter set; without it, the one that fits the machine."),
    ] = None,
    machine: engine.Machine = None,
    further: engine.Further = None,
) -> None:
    """Make the book, doing only what is not done yet."""
    try:
        if machine is not None and not profile:
            raise InputError(
                "profile has to be named with a machine: this one says nothing of those that work."
            )
        chosen = profile or profiles.fitting()
        code = build(chosen, further or [], machine)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:  # disk full, folder not writable
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if code:
        typer.echo(f"error: the book is not finished (profile {chosen}); the reason is above.", err=True)
        raise typer.Exit(code)
    if BOOK.exists():
        typer.echo(f"The book (profile {chosen}): {BOOK.absolute().as_uri()}")


if __name__ == "__main__":
    app()
