"""Stored kernels: back as they were, or refused; nothing between."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import save_file

from lintune.errors import CorruptFileError, FetchError, InputError
from lintune.kernels import BlockKernel
from lintune.kernels.store import load, read_about, save

# The folder is shared by the examples of a property; each writes its file anew.
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

SMALL = BlockKernel(("a.q", "b.v"), np.arange(16.0).reshape(2, 2, 1, 4, 1) / 3)
ABOUT = {"model": "tiny", "why": "ä “quoted” \ud800 \n"}

Tamper = Callable[[dict[str, str], dict[str, np.ndarray]], object]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "K.safetensors"
    save(SMALL, path, about=ABOUT)
    return path


@st.composite
def kernels(draw: st.DrawFn) -> BlockKernel:
    layers, n, m, k = (draw(st.integers(0, 3)) for _ in range(4))
    names = draw(st.lists(st.text(), min_size=layers, max_size=layers, unique=True))
    finite = st.floats(allow_nan=False, allow_infinity=False)
    return BlockKernel(tuple(names), draw(arrays.arrays(np.float64, (layers, n, k, m, k), elements=finite)))


@IN_ONE_FOLDER
@given(kernels(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_round_trip_is_exact(tmp_path: Path, kernel: BlockKernel, about: dict[str, str]) -> None:
    save(kernel, tmp_path / "K.safetensors", about=about)
    back = load(tmp_path / "K.safetensors")
    assert back.layers == kernel.layers
    assert back.blocks.dtype == np.float64
    assert back.blocks.shape == kernel.blocks.shape
    assert back.blocks.tobytes() == kernel.blocks.tobytes()  # signs of zeros included
    assert read_about(tmp_path / "K.safetensors") == about


def test_views_are_stored_as_they_read(tmp_path: Path) -> None:
    """A transposed or reversed array has its numbers in another order in memory."""
    base = np.random.default_rng(0).normal(size=(2, 3, 2, 3, 2))
    for blocks in (base.transpose(0, 3, 4, 1, 2), base[:, ::-1], base[:, 1:, :, :2]):
        save(BlockKernel(("a", "b"), blocks), tmp_path / "K.safetensors")
        np.testing.assert_array_equal(load(tmp_path / "K.safetensors").blocks, blocks)


def test_a_loaded_kernel_does_not_hang_on_the_file(stored: Path) -> None:
    kernel = load(stored)
    stored.write_bytes(bytes(stored.stat().st_size))
    np.testing.assert_array_equal(kernel.blocks, SMALL.blocks)


def test_the_file_explains_itself(stored: Path) -> None:
    raw = stored.read_bytes()
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    metadata = {key: json.loads(value) for key, value in header["__metadata__"].items()}
    assert (metadata["format"], metadata["version"]) == ("lintune kernel", 1)
    assert metadata["convention"] == "(L, n, k, m, k)"
    assert metadata["layers"] == ["a.q", "b.v"]
    assert metadata["about"] == ABOUT
    assert len(metadata["sha256"]) == 64
    assert header["blocks"]["dtype"] == "F64"


def test_equal_kernels_give_equal_files(stored: Path, tmp_path: Path) -> None:
    save(SMALL, tmp_path / "again.safetensors", about=dict(ABOUT))
    again = json.loads((tmp_path / "again.safetensors").read_bytes()[8:].partition(b"}}")[0] + b"}}")
    first = json.loads(stored.read_bytes()[8:].partition(b"}}")[0] + b"}}")
    assert again["__metadata__"]["sha256"] == first["__metadata__"]["sha256"]


def test_every_truncation_is_refused(stored: Path) -> None:
    whole = stored.read_bytes()
    for size in range(len(whole)):
        stored.write_bytes(whole[:size])
        with pytest.raises(CorruptFileError, match=r"K\.safetensors"):
            load(stored)


def test_every_flipped_bit_is_refused(stored: Path) -> None:
    whole = stored.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            stored.write_bytes(damaged)
            with pytest.raises(CorruptFileError, match=r"K\.safetensors"):
                load(stored)


@IN_ONE_FOLDER
@given(st.data())
def test_random_damage_never_gives_a_wrong_kernel(stored: Path, data: st.DataObject) -> None:
    save(SMALL, stored, about=ABOUT)
    raw = bytearray(stored.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=8, unique=True)):
        raw[place] ^= data.draw(st.integers(1, 255))
    stored.write_bytes(raw + data.draw(st.binary(max_size=3)))
    with pytest.raises(CorruptFileError, match=r"K\.safetensors"):
        load(stored)


@IN_ONE_FOLDER
@given(st.binary(max_size=300))
def test_anything_else_is_no_kernel(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "K.safetensors").write_bytes(raw)
    with pytest.raises(CorruptFileError, match=r"K\.safetensors"):
        load(tmp_path / "K.safetensors")


def rewritten(path: Path, tamper: Tamper) -> None:
    """Write the file anew with a right checksum around changed content, as other software might."""
    from lintune.kernels.store import _digest, _metadata

    metadata, tensors = _metadata(SMALL, ABOUT), {"blocks": SMALL.blocks.copy()}
    tamper(metadata, tensors)
    metadata["sha256"] = json.dumps(_digest(tensors["blocks"], metadata))
    save_file(tensors, path, metadata)


def _set(place: int, value: float) -> Tamper:
    return lambda metadata, tensors: tensors["blocks"].flat.__setitem__(place, value)


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (_set(3, np.nan), "not finite"),
        (_set(3, -np.inf), "not finite"),
        (lambda metadata, _: metadata.pop("layers"), "metadata lack layers"),
        (lambda metadata, _: metadata.pop("about"), "metadata lack about"),
        (lambda metadata, _: metadata.pop("version"), "metadata lack version"),
        (lambda metadata, _: metadata.update(layers='["a"]'), "with L=1 layers"),
        (lambda metadata, _: metadata.update(layers='["a", "a"]'), "more than once"),
        (lambda metadata, _: metadata.update(layers="[1, 2]"), "layers must be names"),
        (lambda metadata, _: metadata.update(layers="3"), "not iterable"),
        (lambda metadata, _: metadata.update(layers="["), "K.safetensors"),
        (lambda metadata, _: metadata.update(about='{"a": 1}'), "about texts by name"),
        (lambda metadata, _: metadata.update(about="[]"), "K.safetensors"),
        (lambda metadata, _: metadata.update(convention='"(L, k, n, k, m)"'), "convention="),
        (lambda _, tensors: tensors.update(blocks=np.zeros((2, 3))), r"\(2, 3\) must be"),
        (lambda _, tensors: tensors.update(blocks=SMALL.blocks.astype(np.float32)), "as float64"),
        (lambda _, tensors: tensors.update(more=np.zeros(1)), "lacks the blocks"),
    ],
)
def test_a_whole_file_with_wrong_content_is_refused(stored: Path, tamper: Tamper, complaint: str) -> None:
    rewritten(stored, tamper)
    with pytest.raises(CorruptFileError, match=complaint) as caught:
        load(stored)
    assert str(stored) in str(caught.value)


@pytest.mark.parametrize("metadata", [None, {"layers": "[]"}])
def test_a_file_without_metadata_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"blocks": SMALL.blocks}, tmp_path / "K.safetensors", metadata)
    with pytest.raises(CorruptFileError, match="lacks the blocks"):
        load(tmp_path / "K.safetensors")


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("version", "2", "has version=2; this lintune reads version=1"),
        ("format", '"lintune record"', 'has format="lintune record"'),
    ],
)
def test_another_format_or_version_is_named(stored: Path, key: str, value: str, complaint: str) -> None:
    rewritten(stored, lambda metadata, _: metadata.update({key: value}))
    with pytest.raises(InputError, match=complaint):
        load(stored)


def test_the_weights_of_a_model_are_no_kernel(tmp_path: Path) -> None:
    save_file({"w": np.zeros(3)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="has format=pt; only kernels that lintune wrote"):
        load(tmp_path / "model.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.safetensors", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            read_about(path)


@pytest.mark.parametrize(
    ("blocks", "about", "complaint"),
    [
        (np.full((1, 1, 1, 1, 1), np.nan), {}, "not finite"),
        (np.zeros((1, 1, 1, 1, 1)), {"seed": 3}, "about='seed': names and values must be strings"),
        (np.zeros((1, 1, 1, 1, 1)), {3: "seed"}, "about=3"),
    ],
)
def test_what_cannot_be_said_is_not_written(
    stored: Path, blocks: np.ndarray, about: dict, complaint: str
) -> None:
    before = stored.read_bytes()
    with pytest.raises(InputError, match=complaint):
        save(BlockKernel(("a",), blocks), stored, about=about)
    assert stored.read_bytes() == before
    assert list(stored.parent.iterdir()) == [stored]


@pytest.mark.parametrize("step", ["save_file", "os.fsync", "os.replace"])
def test_a_failed_write_leaves_the_earlier_file(
    stored: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = stored.read_bytes()
    monkeypatch.setattr(f"lintune.kernels.store.{step}", full)
    with pytest.raises(FetchError, match="No space left.*untouched"):
        save(SMALL, stored, about={"newer": "yes"})
    assert stored.read_bytes() == before
    assert list(stored.parent.iterdir()) == [stored]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="could not be written"):
        save(SMALL, tmp_path / "gone" / "K.safetensors")


def test_others_may_read_the_file(stored: Path) -> None:
    assert os.stat(stored).st_mode & 0o777 == 0o644
