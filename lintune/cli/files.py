"""The files that a command writes: refused before any work, or written."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lintune.errors import InputError

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class KernelFiles:
    """Where the kernel of the training examples goes, and that between them and test examples.

    Attributes:
        train: The file that was asked for, such as `K.safetensors`.
    """

    train: Path

    @property
    def cross(self) -> Path:
        """The file beside it, such as `K.cross.safetensors`."""
        return self.train.with_name(f"{self.train.stem}.cross{_SUFFIX}")

    def check(self, force: bool) -> None:
        """Refuse what could not be written, or would replace a file unasked.

        A cross kernel that is there counts as well, even where none will be written: it would stand
        beside a kernel that it does not belong to.

        Raises:
            InputError: Wrong suffix; no such folder; folder not writable; or a file is there.
        """
        if self.train.suffix != _SUFFIX or self.train.name.endswith(f".cross{_SUFFIX}"):
            raise InputError(f"out='{self.train}' must end in {_SUFFIX}, and not in .cross{_SUFFIX}.")
        _check_places((self.train, self.cross), force)


def check_report(path: Path, force: bool) -> None:
    """Refuse a report's file that could not be written, or would replace one unasked.

    Raises:
        InputError: Wrong suffix; no such folder; folder not writable; or a file is there.
    """
    if path.suffix != ".json":
        raise InputError(f"out='{path}' must end in .json.")
    _check_places((path,), force)


def _check_places(paths: Sequence[Path], force: bool) -> None:
    """Refuse files of one folder that cannot be written there, or are there already."""
    _check_folder(paths[0].parent)
    for path in paths:
        if path.is_dir():
            raise InputError(f"out='{path}' is a folder.")
        if path.exists() and not force:
            raise InputError(f"out='{path}' is there already; --force replaces it.")


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"out: there is no folder '{folder}'; make it first.")
    try:  # what the permissions say is not all: file systems are read-only or full
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"out: nothing can be written in '{folder}': {error}") from error
