"""Fuzz one target, led by coverage, for some seconds.

    python -m trials.fuzz --target tasks --seconds 60

Takes the extra `fuzz` (atheris: Linux on x86-64, CPython). What was found useful is kept in
`build/fuzz/TARGET` and is where the next run starts; an input that ends in a finding is written there too,
as `crash-...`, `timeout-...` or `oom-...`, and is executed again by naming it after `--input`.
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

SECONDS_EACH = 10  # longer than this for one input is a hang
MEGABYTES = 4096
LONGEST = 4096  # bytes of one input

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    target: Annotated[str, typer.Option(help="tasks, records, kernels or parameters.")],
    seconds: Annotated[int, typer.Option(min=1, help="How long to fuzz.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the mutations.")] = 1,
    input: Annotated[Path | None, typer.Option(help="Execute this input alone.")] = None,
) -> None:
    """Fuzz one target; ends with 0 where nothing was found."""
    try:
        import atheris
    except ImportError as error:
        typer.echo("error: no atheris here; `make env` brings it.", err=True)
        raise typer.Exit(2) from error
    with atheris.instrument_imports(
        include=["lintune", "pipeline", "yaml", "json"], enable_loader_override=False
    ):
        from trials import targets
    if target not in targets.TARGETS:
        typer.echo(
            f"error: target={target!r} is not known. Accepted: {', '.join(targets.TARGETS)}.", err=True
        )
        raise typer.Exit(2)
    run = targets.TARGETS[target]
    if input is not None:
        with tempfile.TemporaryDirectory() as scratch:
            typer.echo("taken" if run(input.read_bytes(), Path(scratch)) else "refused")
        return
    corpus = Path("build/fuzz") / target
    corpus.mkdir(parents=True, exist_ok=True)
    for place, content in enumerate(targets.seeds(target)):
        (corpus / f"seed-{place}").write_bytes(content)
    # Fuzzing ends the process without unwinding: a folder of its own would be left behind each time.
    folder = corpus.with_name(f".{target}")
    folder.mkdir(exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_EACH}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST}",
        f"-seed={seed}",
        f"-artifact_prefix={corpus}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: run(data, folder) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    app()
