"""Whether weights are whole: all there, in one place, all finite, and the bytes that the hub published."""

import hashlib
from collections.abc import Collection
from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from torch import nn

from lintune.archives import sha256_of
from lintune.errors import CorruptFileError, InputError

_READ = {".safetensors", ".json", ".txt", ".model", ".jinja"}  # what a model and its tokeniser are read from


def check_finite(name: str, model: nn.Module) -> None:
    """Refuse a model with a parameter that is not finite.

    Args:
        name: The model's name, for the message.
        model: A model on any device, in any dtype.

    Raises:
        CorruptFileError: Names the first such parameter.
    """
    for layer, weight in model.named_parameters():
        if weight.is_floating_point() and not _finite(weight.detach()):
            count = int((~weight.isfinite()).sum())
            raise CorruptFileError(
                f"model={name!r}: {layer} holds {count} of {weight.numel()} numbers that are not finite as "
                f"{weight.dtype}; its weights are damaged, or too large for that dtype."
            )


def check_in_one_place(name: str, model: nn.Module) -> None:
    """Refuse a model whose weights are spread over devices, or stay elsewhere until a layer is run.

    Methods read weights and kernels are summed where the model is: both need all of it there.

    Args:
        name: The model's name, for the message.
        model: A model.

    Raises:
        InputError: Names the devices, with a weight on each.
    """
    places = {str(weight.device): layer for layer, weight in reversed(list(model.named_parameters()))}
    if len(places) > 1 or "meta" in places:
        found = ", ".join(f"{layer} on {device!r}" for device, layer in sorted(places.items()))
        raise InputError(
            f"model={name!r} holds {found}; all weights must be on one device, and not offloaded: load it "
            "without `device_map`. What a kernel keeps beside them is bounded by `memory`."
        )


def check_complete(name: str, kind: str, missing: Collection[str]) -> None:
    """Refuse a model of whose weights some were not in its files: transformers would draw them at random.

    Args:
        name: The model's name, for the message.
        kind: `causal`, `masked` or `encoder`; the pooler of an encoder is not read and may be missing.
        missing: Names of the weights that were not found.

    Raises:
        CorruptFileError: Names the first of them.
    """
    needed = sorted(weight for weight in missing if not (kind == "encoder" and "pooler" in weight))
    if needed:
        raise CorruptFileError(
            f"model={name!r} with kind={kind!r} lacks {len(needed)} of its weights, {needed[0]} first: its "
            "files are damaged, or of a model of another kind."
        )


def check_published(name: str, commit: str | None) -> None:
    """Refuse a hub's model of which a file in the hub's cache is not what was published.

    The cache keeps each file under its hash, SHA-256 for large ones and git's for others, and nobody looks
    at that again.

    Args:
        name: Hub id.
        commit: Commit of the model; None where it was not read from the hub's cache.

    Raises:
        CorruptFileError: Names the damaged file.
    """
    configuration = try_to_load_from_cache(name, "config.json", revision=commit)
    if not isinstance(configuration, str):
        return
    for path in sorted(Path(configuration).parent.rglob("*")):
        stored = path.resolve()
        if path.suffix in _READ and stored.name not in (path.name, _published_as(stored)):
            raise CorruptFileError(
                f"{path} is not the file that the hub published. Delete {stored}; it is fetched again when "
                "needed."
            )


def _published_as(stored: Path) -> str:
    """Return the name under which the hub's cache keeps a file."""
    if len(stored.name) == 64:
        return sha256_of(stored)
    content = stored.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _finite(weight: torch.Tensor) -> bool:
    # Eight times faster than asking of each number; both ends are nan where any number is.
    return not weight.numel() or bool(torch.stack(torch.aminmax(weight)).isfinite().all())
