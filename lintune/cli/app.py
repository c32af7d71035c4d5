"""The application: how commands are found, and how they say what is wrong."""

from typing import Any

import typer
from typer.core import TyperGroup

from lintune.errors import CorruptFileError, DivergedError, FetchError, InputError


class _Commands(TyperGroup):
    """Commands whose foreseen errors are one line for a reader, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; exit with 2 and a line on stderr where the library refuses."""
        try:
            return super().invoke(ctx)
        except (InputError, CorruptFileError, FetchError, DivergedError) as error:
            typer.echo("error: " + " ".join(str(error).splitlines()), err=True)
            raise typer.Exit(2) from error


# An unforeseen error is a bug: its traceback is for the report, so it stays plain text.
app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def lintune() -> None:
    """Linearised fine-tuning of language models: exact tangent kernels and what they predict."""
