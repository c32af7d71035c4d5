"""Render the book with Sphinx, configured as Jupyter Book configures it, on all cores.

    python -m pipeline.render [--builder html] [--lenient]

Jupyter Book's own command line renders on one core; the function behind it takes a number of jobs.
"""

import gc
import os
from pathlib import Path
from typing import Annotated

import typer
from jupyter_book.sphinx import build_sphinx

HERE = Path(".")


def render(folder: Path = HERE, builder: str = "html", strict: bool = True) -> bool:
    """Render the pages of a folder with `_config.yml` and `_toc.yml` into its `_build/BUILDER`.

    Args:
        folder: Holds configuration, contents and sources.
        builder: Sphinx's builder: `html`, or `singlehtml` for one page of everything.
        strict: A warning is an error, as is a reference that Sphinx cannot resolve.

    Returns:
        Whether it succeeded.
    """
    folder = folder.absolute()
    overrides = {
        "external_toc_path": str(folder / "_toc.yml"),
        "nitpicky": strict,
        "latex_individualpages": False,
    }
    # Sphinx makes millions of nodes and keeps them: looking through them for garbage takes 40 % of the time.
    gc.disable()
    try:
        result = build_sphinx(
            folder,
            folder / "_build" / builder,
            path_config=folder / "_config.yml",
            noconfig=True,  # no conf.py: all is in `_config.yml`
            confoverrides=overrides,
            builder=builder,
            quiet=True,
            really_quiet=not strict,  # its warnings would be of what is known to be missing
            warningiserror=strict,
            keep_going=strict,
            jobs=os.cpu_count() or 1,
        )
    finally:
        gc.enable()
    return result == 0


def main(
    builder: Annotated[str, typer.Option(help="Sphinx's builder.")] = "html",
    lenient: Annotated[bool, typer.Option("--lenient", help="Let warnings pass, unsaid.")] = False,
) -> None:
    """Render the book in the working directory."""
    if not render(HERE, builder, strict=not lenient):
        typer.echo("error: the book was not rendered; the warnings and errors are above.", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
