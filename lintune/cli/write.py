"""Writing what `lintune kernel` found."""

from pathlib import Path

import typer

from lintune.cli.compute import Computed, Known
from lintune.cli.files import KernelFiles
from lintune.cli.finetuning.folder import filling
from lintune.kernels import store


def write(computed: Computed, files: KernelFiles) -> None:
    """Write both kernels or neither, and say where; an earlier run's cross kernel does not outlive this one.

    Raises:
        InputError: A kernel is not finite.
        FetchError: A file cannot be written.
    """
    known = {files.train: computed.train, files.cross: computed.cross}
    with filling(files.train.parent, [path.name for path in known]) as scratch:
        for path, each in known.items():
            if each is not None:
                store.save(each.kernel, scratch / path.name, about=each.about)
    for path, each in known.items():
        if each is not None:
            _say(each, path)


def _say(known: Known, path: Path) -> None:
    kernel = known.kernel
    typer.echo(f"wrote {path}: {kernel.blocks.shape} as {kernel.convention}, {path.stat().st_size:,} bytes")
