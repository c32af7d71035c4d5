"""Make the book: Snakemake under a lock that dies with its holder.

    python -m pipeline.build [--profile cpu] [-- further options of snakemake]

Snakemake's own lock outlives a kill, so it is off and a file lock takes its place; what a killed build left
half done is done again. Further options, such as `-- --dry-run` or `-- --executor slurm --jobs 8`, are
Snakemake's own.
"""

from pathlib import Path
from typing import Annotated

import typer
from snakemake.cli import main as snakemake

from lintune.errors import InputError
from pipeline import profiles
from pipeline.locks import alone

BOOK = Path("_build/html/index.html")
PREVIEW = Path("build/preview/done")
LONGEST = Path("notebooks/executed/tangent_kernel.ipynb")  # begun last, it would run on when all else is done
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def options(profile: str, further: list[str]) -> list[str]:
    """Return Snakemake's options for a build.

    Args:
        profile: The profile that the notebooks are executed with.
        further: Options that follow ours.
    """
    chosen = ["--config", f"profile={profile}", "--cores", "all", "--nolock", "--rerun-incomplete"]
    # The exact scheduler solves a linear program; one notebook at a time needs none.
    chosen += ["--scheduler", "greedy", "--quiet", "host", "progress"]
    # Modification times alone decide, as with make: `touch` re-runs what depends on the file.
    chosen += ["--max-checksum-file-size", "0"]
    if further:
        return [*chosen, *further]
    first_time = not BOOK.exists() and not PREVIEW.exists()
    if first_time and profile != "smoke":  # something to read while notebooks run; smoke is done before that
        return [*chosen, "--prioritize", str(PREVIEW), str(LONGEST), "--", str(BOOK), str(PREVIEW)]
    return [*chosen, "--prioritize", str(LONGEST)]


def build(profile: str, further: list[str]) -> int:
    """Build in the working directory and return Snakemake's exit code.

    Raises:
        InputError: The profile does not fit the notebooks; nothing was started.
    """
    profiles.checked(profile)
    with alone(Path(".build.lock"), "building here"):
        try:
            snakemake(options(profile, further))
        except SystemExit as end:  # how Snakemake's command line ends
            return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@app.command()
def main(
    profile: Annotated[
        str | None,
        typer.Option(envvar="PROFILE", help="Parameter set; without it, the one that fits the machine."),
    ] = None,
    further: Annotated[list[str] | None, typer.Argument(help="Options of snakemake, after `--`.")] = None,
) -> None:
    """Make the book, doing only what is not done yet."""
    chosen = profile or profiles.fitting()
    try:
        code = build(chosen, further or [])
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if code:
        typer.echo(f"error: the book is not finished (profile {chosen}); the reason is above.", err=True)
        raise typer.Exit(code)
    if BOOK.exists():
        typer.echo(f"The book (profile {chosen}): {BOOK.absolute().as_uri()}")


if __name__ == "__main__":
    app()
