"""Writing what `lintune kernel` found."""

from pathlib import Path

import typer

from lintune.cli.compute import Computed, Known
from lintune.cli.files import KernelFiles
from lintune.kernels import store


def write(computed: Computed, files: KernelFiles) -> None:
    """Write the kernels and say where; a cross kernel of an earlier run does not outlive this one.

    Raises:
        InputError: A kernel is not finite.
        FetchError: A file cannot be written.
    """
    if computed.cross is not None:
        _write(computed.cross, files.cross)
    _write(computed.train, files.train)
    if computed.cross is None:
        files.cross.unlink(missing_ok=True)


def _write(known: Known, path: Path) -> None:
    kernel = known.kernel
    store.save(kernel, path, about=known.about)
    typer.echo(f"wrote {path}: {kernel.blocks.shape} as {kernel.convention}, {path.stat().st_size:,} bytes")
