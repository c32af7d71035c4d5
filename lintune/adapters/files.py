"""Adapters on disk: a folder with `adapter.safetensors` and `adapter.json`.

The tensors lie under these names: `LAYER:NAME`, what was trained; `picked/LAYER`, which rows, columns or
entries a method chose; `option/FIELD/LAYER`, tensors that were given to a method as an option. The JSON says
the rest: format and version, the method's registered name and all its options, the model and the
fingerprint of its weights, what each tensor is for, and a hash over everything, tensors included.

Other software can read such a folder with any JSON and safetensors libraries.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lintune.adapters.adapter import Adapter
from lintune.adapters.describe import listed, said
from lintune.adapters.options import packed, registered, unpacked
from lintune.adapters.picks import pinned
from lintune.errors import CorruptFileError, FetchError, InputError
from lintune.models.fingerprint import fingerprint

FORMAT = "lintune adapter"
VERSION = 1
TENSORS, WORDS = "adapter.safetensors", "adapter.json"
_KEYS = {"format", "version", "model", "method", "tensors", "sha256"}
_PICKED = "picked/"


def save(adapter: Adapter, folder: str | Path) -> None:
    """Write an adapter; on an error an earlier one in the folder is untouched.

    A new folder appears whole. In one that is there, the two files are replaced one after the other, and
    whoever reads in between is told so by the hash.

    Args:
        adapter: What to write; its numbers must be finite.
        folder: The folder; it may be there, and other files in it stay.

    Raises:
        InputError: A number is not finite, or the method's class is not registered.
        FetchError: The folder cannot be written.
    """
    tensors, words = _tensors(adapter), _words(adapter)
    words["sha256"] = _digest(words, tensors)
    _write_whole(Path(folder), tensors, json.dumps(words, indent=1, allow_nan=False) + "\n")


def load(folder: str | Path) -> Adapter:
    """Read an adapter and check it against its hash; the tensors come to the CPU.

    Rows, columns and entries that a rule chose are given by number in the method that comes back: it trains
    the same ones on the same weights in any dtype.

    Raises:
        InputError: There is no adapter, or it is of another format, version or method than are known.
        CorruptFileError: The files are not what was written.
    """
    folder = Path(folder)
    words = _read_words(folder)
    tensors = _read_tensors(folder / TENSORS)
    if words["sha256"] != _digest(words, tensors):
        raise _corrupt(folder, f"{WORDS} and {TENSORS} do not have the hash that was written with them")
    if words["version"] != VERSION:
        raise InputError(
            f"{folder / WORDS} has version={words['version']}; this lintune reads version {VERSION}."
        )
    return _adapter(folder, words, tensors)


def _tensors(adapter: Adapter) -> dict[str, torch.Tensor]:
    for name, value in adapter.values.items():
        if not bool(torch.isfinite(value).all()):
            raise InputError(f"values[{name!r}] holds numbers that are not finite; nothing was written.")
    _, given = packed(adapter.method)
    found = (
        dict(adapter.values) | {_PICKED + layer: places for layer, places in adapter.picks.items()} | given
    )
    return {name: value.detach().cpu().contiguous().clone() for name, value in found.items()}


def _words(adapter: Adapter) -> dict[str, Any]:
    options, _ = packed(adapter.method)
    method = {"name": registered(adapter.method), "options": options, **said(adapter)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": {"name": adapter.model, "fingerprint": adapter.weights},
        "method": method,
        "trained": sum(value.numel() for value in adapter.values.values()),
        "tensors": listed(adapter.method, adapter.values),
    }


def _digest(words: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of the words but for the hash itself, and of the tensors."""
    kept = {key: value for key, value in words.items() if key != "sha256"}
    text = json.dumps([kept, fingerprint(tensors)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _write_whole(folder: Path, tensors: dict[str, torch.Tensor], text: str) -> None:
    part = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
        save_file(tensors, part / TENSORS, {"format": "pt", "adapter": WORDS})
        (part / WORDS).write_text(text, encoding="utf-8")
        for name in (TENSORS, WORDS):
            (part / name).chmod(0o644)
            with (part / name).open("rb+") as file:
                os.fsync(file.fileno())
        _put(part, folder)
    except (OSError, SafetensorError) as error:
        raise FetchError(f"{folder} could not be written: {error}. An earlier one is untouched.") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, folder: Path) -> None:
    if not folder.exists():
        part.chmod(0o755)  # temporary folders are private
        part.rename(folder)
        return
    for name in (TENSORS, WORDS):
        os.replace(part / name, folder / name)


def _read_words(folder: Path) -> dict[str, Any]:
    path = folder / WORDS
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            raise InputError(
                f"folder='{folder}' is peft's: load it with peft.PeftModel.from_pretrained, and hand that to "
                "lintune.adapters.from_peft."
            )
        raise InputError(f"folder='{folder}' holds no {WORDS}.")
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _corrupt(folder, f"{WORDS} is not readable: {error}") from error
    if not isinstance(words, dict) or words.get("format") != FORMAT:
        raise InputError(f"{path} does not say format={FORMAT!r}; only adapters that lintune wrote are read.")
    if not set(words) >= _KEYS:
        raise _corrupt(folder, f"{WORDS} lacks {', '.join(sorted(_KEYS - set(words)))}")
    return words


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        found: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise _corrupt(path.parent, f"{TENSORS} is not readable: {error}") from error
    return found


def _adapter(folder: Path, words: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Adapter:
    try:
        listed = {f"{row['layer']}:{row['name']}": tuple(row["shape"]) for row in words["tensors"]}
        values = {name: tensors[name] for name in listed}
        picked = {
            name.removeprefix(_PICKED): value for name, value in tensors.items() if name.startswith(_PICKED)
        }
        method = unpacked(words["method"]["name"], words["method"]["options"], tensors)
        model, weights = words["model"]["name"], words["model"]["fingerprint"]
    except (KeyError, TypeError, AttributeError) as error:
        raise _corrupt(folder, f"something is missing or of another kind: {error!r}") from error
    wrong = [name for name, shape in listed.items() if tuple(values[name].shape) != shape]
    if wrong:
        raise _corrupt(folder, f"{wrong[0]} has the shape {tuple(values[wrong[0]].shape)}, another than said")
    return Adapter(pinned(method, picked), values, model, weights, picked)


def _corrupt(folder: Path, why: str) -> CorruptFileError:
    return CorruptFileError(f"{folder} is not an adapter as it was written: {why}.")
