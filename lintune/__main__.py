"""`python -m lintune`: the command where it is not on the path."""

from lintune.cli import app

app(prog_name="lintune")
