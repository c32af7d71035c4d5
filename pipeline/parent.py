"""Jobs that end with who started them: left running, they would write into what the next build makes."""

import os
from typing import Annotated

import typer
from ipykernel.parentpoller import ParentPollerUnix

EndWithParent = Annotated[
    bool, typer.Option("--end-with-parent", help="End when the process that started this one has gone.")
]


def end_with_parent() -> None:
    """End this process within a second or two after its parent, from now on."""
    ParentPollerUnix(os.getppid()).start()
