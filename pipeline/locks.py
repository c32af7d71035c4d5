"""One at a time: locks that the operating system releases when their holder dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from filelock import FileLock, Timeout


@contextmanager
def alone(path: Path, doing: str) -> Iterator[None]:
    """Hold a lock file; when another process holds it, say so and wait until that one has ended.

    Waiting is right rather than refusing: after a kill, what the killed build had started takes a second or
    two to notice, and a build that another one has just finished has nothing left to do.

    Args:
        path: The lock file; its folder is made when missing.
        doing: What the other process is doing, for the message.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        typer.echo(f"Another process is {doing}; waiting until it has ended (Ctrl-C gives up).", err=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
