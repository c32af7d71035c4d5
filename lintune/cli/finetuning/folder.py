"""The folder that `lintune finetune` writes: refused before any work, filled at the end in one go."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lintune.errors import FetchError, InputError

ADAPTER = ("adapter.safetensors", "adapter.json")
RUN, PEFT, MERGED = "run.json", "peft", "merged"
# All that is the command's in a folder; anything else there is somebody else's and stays.
_OURS = (*ADAPTER, RUN, PEFT, MERGED)


def check(out: Path, force: bool) -> None:
    """Refuse a folder that could not be written, or would be replaced unasked.

    Raises:
        InputError: A file is in its place, it is there already, or nothing can be written beside it.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"out='{out}' is a file; name a folder.")
    if out.exists() and not force:
        raise InputError(f"out='{out}' is there already; --force replaces what this command wrote there.")
    if not out.parent.is_dir():
        raise InputError(f"out: there is no folder '{out.parent}'; make it first.")
    try:  # what the permissions say is not all: file systems are read-only or full
        with tempfile.TemporaryFile(dir=out if out.is_dir() else out.parent):
            pass
    except OSError as error:
        raise InputError(f"out: nothing can be written in '{out}': {error}") from error


@contextmanager
def filling(out: Path, ours: Sequence[str] = _OURS) -> Iterator[Path]:
    """Yield a folder to write into, which becomes the one asked for when all is written.

    Where that is there, what the command wrote into it before is replaced; on an error it is untouched.

    Args:
        out: The folder asked for.
        ours: Names of all that the command may write there.

    Raises:
        FetchError: It cannot be written.
    """
    try:
        # On the same file system, so that moving is no copying.
        there = out if out.is_dir() else out.parent
        scratch = Path(tempfile.mkdtemp(dir=there, prefix=f".{out.name}.", suffix=".part"))
    except OSError as error:
        raise FetchError(f"'{out}' could not be written: {error}.") from error
    try:
        filled = scratch / "new"
        filled.mkdir()
        yield filled
        if out.exists():
            _replace(filled, out, scratch / "old", ours)
        else:
            filled.rename(out)
    except OSError as error:
        raise FetchError(f"'{out}' could not be written: {error}. What was there is untouched.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _replace(filled: Path, out: Path, old: Path, ours: Sequence[str]) -> None:
    """Move the new files in place of the old ones; put the old ones back if that fails."""
    old.mkdir()
    moved = []
    try:
        for name in ours:
            if (out / name).exists():
                (out / name).rename(old / name)
        for path in sorted(filled.iterdir()):
            moved.append(out / path.name)
            path.rename(moved[-1])
    except BaseException:  # also one who is told to end
        for target in moved:
            shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(missing_ok=True)
        for path in old.iterdir():
            path.rename(out / path.name)
        raise
