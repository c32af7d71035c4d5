"""Weights that are cut, flipped, incomplete or not finite are refused before they are computed with."""

import copy
import hashlib
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from lintune.archives import sha256_of
from lintune.errors import CorruptFileError, FetchError
from lintune.models import BUNDLED, bundled, load
from lintune.models.bundled import MANIFEST, folder_of
from tests.tiny import pretrained

WEIGHTS = "model.safetensors"
IN_ONE_FOLDER = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = pretrained("llama", torch.float32)
    folder = tmp_path_factory.mktemp("llama")
    tiny.model.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "llama"))


def header_size(raw: bytes | bytearray) -> int:
    return 8 + int(struct.unpack("<Q", raw[:8])[0])


@IN_ONE_FOLDER
@given(st.data())
def test_a_flipped_bit_of_the_header_is_refused(written: Path, folder: Path, data: st.DataObject) -> None:
    """A weight that transformers does not find it draws at random, and only warns."""
    raw = bytearray((written / WEIGHTS).read_bytes())
    raw[data.draw(st.integers(0, header_size(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / WEIGHTS).write_bytes(raw)
    with pytest.raises((CorruptFileError, FetchError), match="llama"):
        load(str(folder))


@IN_ONE_FOLDER
@given(st.data())
def test_a_flipped_bit_of_a_number_changes_the_fingerprint(
    written: Path, folder: Path, data: st.DataObject
) -> None:
    raw = bytearray((written / WEIGHTS).read_bytes())
    raw[data.draw(st.integers(header_size(raw), len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / WEIGHTS).write_bytes(raw)
    finite = all(bool(weight.isfinite().all()) for weight in load_file(folder / WEIGHTS).values())
    if finite:
        assert load(str(folder)).weights != load(str(written)).weights
    else:
        with pytest.raises(CorruptFileError, match="not finite"):
            load(str(folder))


@IN_ONE_FOLDER
@given(st.floats(0, 1, exclude_max=True))
def test_cut_weights_are_refused(written: Path, folder: Path, share: float) -> None:
    raw = (written / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(raw[: int(share * len(raw))])
    with pytest.raises((CorruptFileError, FetchError), match="llama"):
        load(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_cut_settings_are_refused(folder: Path, name: str) -> None:
    raw = (folder / name).read_bytes()
    for size in range(0, len(raw), max(1, len(raw) // 8)):
        (folder / name).write_bytes(raw[:size])
        with pytest.raises((CorruptFileError, FetchError), match="llama"):
            load(str(folder))


def test_a_missing_weight_is_named(folder: Path) -> None:
    state = load_file(folder / WEIGHTS)
    del state["model.layers.1.mlp.up_proj.weight"]
    save_file(state, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(CorruptFileError, match=r"lacks 1 of .* model\.layers\.1\.mlp\.up_proj\.weight first"):
        load(str(folder))


def test_an_encoder_needs_no_pooler_and_no_head(tmp_path: Path) -> None:
    tiny = pretrained("bert", torch.float32)
    tiny.model.save_pretrained(tmp_path)
    tiny.tokenizer.save_pretrained(tmp_path)
    assert load(str(tmp_path), kind="encoder").kind == "encoder"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused_by_layer(folder: Path, value: float) -> None:
    """In the row of a token that no text uses, where no logit would tell."""
    state = load_file(folder / WEIGHTS)
    state["model.embed_tokens.weight"][-1, -1] = value
    save_file(state, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(CorruptFileError, match=r"model\.embed_tokens\.weight holds 1 of \d+ .*not finite"):
        load(str(folder))


def test_a_number_too_large_for_the_dtype_is_refused(folder: Path) -> None:
    state = load_file(folder / WEIGHTS)
    state["model.norm.weight"][0] = 1e6
    save_file(state, folder / WEIGHTS, {"format": "pt"})
    assert load(str(folder)).model.dtype == torch.float32
    with pytest.raises(CorruptFileError, match=r"model\.norm\.weight .*torch\.float16"):
        load(str(folder), dtype=torch.float16)


def test_a_model_of_ones_own_is_refused_when_bound() -> None:
    tiny = pretrained("llama", torch.float32)
    model = copy.deepcopy(tiny.model)
    model.model.layers[1].self_attn.q_proj.weight.data[2, 3] = torch.nan
    with pytest.raises(CorruptFileError, match=r"layers\.1\.self_attn\.q_proj\.weight"):
        replace(tiny, model=model)


@pytest.fixture
def cached(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the snapshot of a model in a hub's cache, each file under its hash as there."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0" * 40
    model = tmp_path / "models--owner--tiny"
    snapshot = model / "snapshots" / commit
    for made in (snapshot, model / "blobs", model / "refs"):
        made.mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    for path in written.iterdir():
        content = path.read_bytes()
        plain = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        blob = model / "blobs" / (sha256_of(path) if path.name == WEIGHTS else plain)
        blob.write_bytes(content)
        (snapshot / path.name).symlink_to(blob)
    return snapshot


def test_a_model_of_the_hubs_cache_is_what_was_published(cached: Path, written: Path) -> None:
    assert load("owner/tiny").weights == load(str(written)).weights


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_one_flipped_bit_in_the_hubs_cache_is_refused(cached: Path, name: str) -> None:
    raw = bytearray((cached / name).read_bytes())
    # What is left can be read: a number of a weight, the first of the settings, the last of the words.
    place = {WEIGHTS: len(raw) - 2, "config.json": raw.find(b"1")}.get(name, raw.rfind(b"1"))
    raw[place] ^= 1
    (cached / name).resolve().write_bytes(raw)
    with pytest.raises(CorruptFileError, match=rf"{name} is not the file that the hub published\. Delete .*"):
        load("owner/tiny")


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("{", "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"files": []}', "is damaged"),
        ('{"weights": "other", "files": {}}', "is not the file that was written there"),
    ],
)
def test_a_damaged_manifest_of_the_bundled_cache_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: str, told: str
) -> None:
    """The fingerprint in it goes into records: a wrong one there would be a wrong record."""
    monkeypatch.setenv("LINTUNE_CACHE", str(tmp_path))
    (tmp_path / "models/minilm").mkdir(parents=True)
    (tmp_path / "models/minilm" / MANIFEST).write_text(manifest)
    with pytest.raises(CorruptFileError, match=rf"models/minilm.*{told}.*made again"):
        folder_of("minilm")


def test_the_bundled_cache_is_read_as_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINTUNE_CACHE", str(tmp_path))
    folder = tmp_path / "models/minilm"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    manifest = {
        "weights": BUNDLED["minilm"].weights,
        "files": {"config.json": sha256_of(folder / "config.json")},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert bundled.folder_of("minilm") == folder
