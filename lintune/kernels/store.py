"""Kernels on disk: one safetensors file with its layers, its provenance and a checksum over all of it.

The file holds the tensor `blocks`, float64 `(L, n, k, m, k)`, and as metadata (strings, each of them JSON):

- `format` and `version`: `"lintune kernel"` and 1;
- `convention`: the order of the axes of `blocks`;
- `layers`: the L names;
- `outputs`: what the k outputs are;
- `about`: free provenance, texts by name;
- `sha256`: hash of everything else, numbers and metadata.

Other software can read such a file with any safetensors library.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lintune.errors import CorruptFileError, FetchError, InputError
from lintune.kernels.block import BlockKernel

_FORMAT = "lintune kernel"
_VERSION = 1
_KEYS = {"format", "version", "convention", "layers", "outputs", "about"}
_OUTPUTS = "k outputs per example: the logits, or combinations of them; about['outputs'] may say which"


def save(kernel: BlockKernel, path: str | Path, *, about: Mapping[str, str] | None = None) -> None:
    """Write a kernel, whole or not at all: a file of that name stays as it is until the new one is complete.

    Args:
        kernel: What to write; its entries must be finite.
        path: The file.
        about: Where the kernel comes from, in texts by name.

    Raises:
        InputError: An entry is not finite, or `about` holds something else than texts.
        FetchError: The file cannot be written.
    """
    path = Path(path)
    about = dict(about or {})
    wrong = [key for key, value in about.items() if not (isinstance(key, str) and isinstance(value, str))]
    if wrong:
        raise InputError(f"about={wrong[0]!r}: names and values must be strings.")
    if not np.isfinite(kernel.blocks).all():
        raise InputError("the kernel holds numbers that are not finite; it was not written.")
    blocks = np.ascontiguousarray(kernel.blocks, dtype="<f8")
    metadata = _metadata(kernel, about)
    _write_whole(path, blocks, metadata | {"sha256": json.dumps(_digest(blocks, metadata))})


def load(path: str | Path) -> BlockKernel:
    """Read a kernel and check it against its checksum.

    Raises:
        InputError: There is no such file, or it is of another format or of a version that is not known.
        CorruptFileError: The file is not what was written.
    """
    return _read(Path(path))[0]


def read_about(path: str | Path) -> dict[str, str]:
    """Read where a kernel comes from: what was given as `about` when it was saved.

    The whole file is checked, as by `load`, and the same errors are raised.
    """
    return _read(Path(path))[1]


def _metadata(kernel: BlockKernel, about: Mapping[str, str]) -> dict[str, str]:
    entries = {
        "format": _FORMAT,
        "version": _VERSION,
        "convention": kernel.convention,
        "layers": list(kernel.layers),
        "outputs": _OUTPUTS,
        "about": about,
    }
    return {key: json.dumps(value) for key, value in entries.items()}


def _digest(blocks: np.ndarray, metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of the numbers, their shape and dtype, and the metadata but for the hash itself."""
    kept = {key: value for key, value in metadata.items() if key != "sha256"}
    head = [blocks.dtype.str, list(blocks.shape), kept]
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    digest.update(blocks.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _write_whole(path: Path, blocks: np.ndarray, metadata: dict[str, str]) -> None:
    part = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            save_file({"blocks": blocks}, part, metadata)
            os.fsync(file.fileno())
        part.chmod(0o644)  # temporary files are private; a kernel is for everybody to read
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        raise FetchError(f"{path} could not be written: {error}. An earlier one is untouched.") from error
    finally:  # of whatever ends it, a key of the user's among it
        if part is not None:
            part.unlink(missing_ok=True)


def _read(path: Path) -> tuple[BlockKernel, dict[str, str]]:
    if not path.is_file():
        raise InputError(f"path={str(path)!r}: there is no such file.")
    metadata, tensors = _contents(path)
    if "sha256" not in metadata and metadata.get("format", json.dumps(_FORMAT)) != json.dumps(_FORMAT):
        raise InputError(f"{path} has format={metadata['format']}; only kernels that lintune wrote are read.")
    blocks = tensors.get("blocks")
    if blocks is None or blocks.dtype != np.float64 or len(tensors) != 1 or "sha256" not in metadata:
        raise _corrupt(path, "it lacks the blocks, as float64, or their metadata")
    if metadata["sha256"] != json.dumps(_digest(blocks, metadata)):
        raise _corrupt(path, "its content does not have the hash that was written with it")
    _check_version(path, metadata)
    return _interpret(path, blocks, metadata)


def _contents(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except PermissionError as error:
        raise FetchError(f"{path} could not be read: {error}") from error
    # Besides its own error safetensors lets through what NumPy says of types that it lacks, such as bfloat16.
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise _corrupt(path, f"it is not a readable safetensors file: {error}") from error


def _check_version(path: Path, metadata: Mapping[str, str]) -> None:
    """Refuse what somebody wrote whole, but not in this format. Runs after the checksum."""
    for key, known in (("format", _FORMAT), ("version", _VERSION)):
        if key in metadata and metadata[key] != json.dumps(known):
            raise InputError(
                f"{path} has {key}={metadata[key]}; this lintune reads {key}={json.dumps(known)}."
            )


def _interpret(
    path: Path, blocks: np.ndarray, metadata: Mapping[str, str]
) -> tuple[BlockKernel, dict[str, str]]:
    missing = sorted(_KEYS - set(metadata))
    if missing:
        raise _corrupt(path, f"its metadata lack {', '.join(missing)}")
    try:
        layers, about = json.loads(metadata["layers"]), json.loads(metadata["about"])
        kernel = BlockKernel(tuple(layers), blocks)
        if metadata["convention"] != json.dumps(kernel.convention):
            raise InputError(f"convention={metadata['convention']} must be {json.dumps(kernel.convention)}.")
        if not all(isinstance(text, str) for text in (*layers, *about.values())):
            raise InputError("layers must be names and about texts by name.")
    except (ValueError, TypeError, AttributeError) as error:
        raise _corrupt(path, str(error)) from error
    if not np.isfinite(blocks).all():
        raise _corrupt(path, "it holds numbers that are not finite")
    return kernel, about


def _corrupt(path: Path, why: str) -> CorruptFileError:
    return CorruptFileError(f"{path} is not a kernel as it was written: {why}.")
