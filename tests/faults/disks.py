"""Disks that are full or cannot be written, for real: small file systems in memory, mounted by root."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A file system of its own, in memory.

    Attributes:
        root: Where it is mounted.
    """

    def __init__(self, root: Path) -> None:
        """Describe one that is mounted at `root`."""
        self.root = root

    def resize(self, kilobytes: int) -> None:
        """Let it hold this much."""
        _mount("-o", f"remount,size={kilobytes}k", str(self.root))

    def fill(self, left: int = 0) -> None:
        """Leave room for this many kilobytes more than it holds."""
        used = os.statvfs(self.root)
        pages = used.f_blocks - used.f_bfree
        self.resize(max(1, pages * used.f_frsize // 1024 + left))  # a size of 0 would be no limit

    def read_only(self, yes: bool = True) -> None:
        """Let nothing be written there, or again everything."""
        _mount("-o", f"remount,{'ro' if yes else 'rw'}", str(self.root))


@contextmanager
def disk(root: Path, kilobytes: int = 65536) -> Iterator[Disk]:
    """Mount a file system at a folder, which is made; skip the test where that is not allowed."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(root))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield Disk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


@contextmanager
def short_files(most: int) -> Iterator[None]:
    """Let this process write no file beyond so many bytes, which takes no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
