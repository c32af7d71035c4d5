"""Results on disk: JSON with provenance, written whole or not at all.

A record says what was found (`data`), from what (`parameters`, `inputs`), with what (`environment`)
and when (`run`). Two runs of the same thing on one machine differ in `run` and in what they measured of
time and memory, in nothing else. In the file stands beside these a `sha256` over all of them, which is
checked when the record is read; records from before there was one are read as they are.
"""

import hashlib
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lintune.errors import CorruptFileError, FetchError, InputError

_PACKAGES = ("lintune", "torch", "transformers", "numpy", "scipy", "scikit-learn")
_KEYS = {"name", "data", "parameters", "inputs", "environment", "run"}
_HASH = "sha256"


def folder() -> Path:
    """Return where records go: `$LINTUNE_RECORDS`, or `build/records` under the working directory."""
    return Path(os.environ.get("LINTUNE_RECORDS") or "build/records")


class Stopwatch:
    """Wall time from its making on.

    Attributes:
        started: Moment of the start, UTC.
    """

    def __init__(self) -> None:
        """Start."""
        self.started = datetime.now(UTC)
        self._start = time.monotonic()  # the clock of the day may go backwards

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start


def write(
    name: str,
    data: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    device: str,
    dtype: str,
    stopwatch: Stopwatch,
    path: Path | None = None,
) -> Path:
    """Write a record, replacing an earlier one of the same name in one step.

    Args:
        name: What the record is called; without a `path` also its file name without suffix.
        data: What was found: numbers, strings, lists, dicts and NumPy arrays.
        parameters: The parameters that led to it, seeds included.
        inputs: Hash of each model and data set used, by name.
        device: Device that computed it, such as `cpu`.
        dtype: Floating-point type of the model, such as `float32`.
        stopwatch: Started when the work started.
        path: Where the record goes; None for `NAME.json` in `folder()`.

    Returns:
        The record's path.

    Raises:
        InputError: A number is not finite (JSON has no way to say so).
        FetchError: The folder cannot be written; an earlier record is untouched.
    """
    record = {
        "name": name,
        "data": data,
        "parameters": parameters,
        "inputs": dict(sorted(inputs.items())),
        "environment": _environment(device, dtype),
        "run": {
            "started": stopwatch.started.isoformat(timespec="seconds"),
            "wall_seconds": round(stopwatch.seconds, 1),
        },
    }
    try:
        plain = json.loads(json.dumps(record, default=_plain, allow_nan=False))
    except ValueError as error:
        raise InputError(f"record {name!r} holds a number that is not finite: {error}") from error
    text = json.dumps(plain | {_HASH: _digest(plain)}, indent=1)
    return _write_whole(path or folder() / f"{name}.json", text + "\n")


def read(path: Path) -> dict[str, Any]:
    """Read a record and check it against its hash, where it has one.

    Raises:
        CorruptFileError: The file is not a record, or not as it was written.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptFileError(f"{path} is not a readable record: {error}") from error
    if not isinstance(record, dict) or set(record) - {_HASH} != _KEYS:
        raise CorruptFileError(f"{path} is not a record: expected the keys {', '.join(sorted(_KEYS))}.")
    if _HASH in record and record.pop(_HASH) != _digest(record):
        raise CorruptFileError(
            f"{path} is not the record that was written: its content does not have the hash that was written "
            "with it. Remove it and run again what wrote it."
        )
    for key in sorted(_KEYS - {"name"}):
        if not isinstance(record[key], dict):
            raise CorruptFileError(f"{path} is not a record: {key} holds no values by name.")
    return record


def _digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record as JSON without white space and with its keys sorted."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def told(record: Mapping[str, Any]) -> str:
    """Return in one line what a record was computed from and on: models, tasks, draws, device, revision."""
    inputs = [name.partition(" ") for name in record["inputs"]]
    environment = record["environment"]
    device = environment["device"].partition(" (")[0]
    parts = [
        ", ".join(name for kind, _, name in inputs if kind == "model"),
        ", ".join(name for kind, _, name in inputs if kind == "task"),
        *(f"{number} {word}" for word, number in draws(record["parameters"]).items()),
        f"{device}, {environment['dtype']}",
        f"revision {environment['revision']}" if environment["revision"] else "",
    ]
    return "; ".join(filter(None, parts))


def draws(parameters: Mapping[str, Any]) -> dict[str, int]:
    """Return how many seeds, draws and instances parameters speak of, those of a grid's parts included."""
    found: dict[str, set[int]] = {}
    for name, value in _flat(parameters):
        if name in ("seed", "seeds", "draws"):
            found.setdefault(name.removesuffix("s"), set()).update(np.atleast_1d(value).tolist())
        elif name == "instances":
            found.setdefault("instance", set()).update(range(int(np.max(value))))
    return {word + "s" * (len(each) > 1): len(each) for word, each in found.items()}


def _flat(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, value


def _write_whole(path: Path, text: str) -> Path:
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            part = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)  # temporary files are private; a record is for everybody to read
        os.replace(part, path)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise FetchError(
            f"record {path} could not be written: {error}. An earlier one is untouched."
        ) from error
    return path


def _environment(device: str, dtype: str) -> dict[str, Any]:
    import torch  # takes seconds, and whoever reads a record does not need it

    cuda = device.startswith("cuda")
    return {
        "device": torch.cuda.get_device_name() if cuda else f"cpu ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "dtype": dtype,
        "python": platform.python_version(),
        "packages": {package: version(package) for package in _PACKAGES},
        "revision": _revision(),
    }


def _revision() -> str:
    """Return the git revision of the working directory, marked when there are uncommitted changes."""
    here = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*here, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        status = [*here, "status", "--porcelain", "--untracked-files=no"]
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head[:12]}{' with uncommitted changes' if changed else ''}"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record cannot hold {type(value).__name__}")
