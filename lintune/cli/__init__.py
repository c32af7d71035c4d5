"""The command `lintune`: what the library does, from a shell.

Each command has a file of its own, with its options on top; what takes seconds to import is imported
when a command has checked everything that it can check without it.
"""

from lintune.cli import advise, diagnose, finetune, kernel
from lintune.cli.app import app

app.command("kernel")(kernel.command)
app.command("diagnose")(diagnose.command)
app.command("finetune")(finetune.command)
app.command("advise")(advise.command)

__all__ = ["app"]
