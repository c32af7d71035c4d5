"""Everything that the library writes for keeps, each as a function that writes one of it."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lintune import records
from lintune.archives import Archive, sha256_of
from lintune.kernels import BlockKernel, store

Writer = Callable[[Path, int], Path]  # a folder and how many numbers; the path of what was written


def record(folder: Path, size: int) -> Path:
    """Write a record."""
    return records.write(
        "found",
        {"numbers": np.arange(size) / 3},
        parameters={},
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=folder / "found.json",
    )


def kernel(folder: Path, size: int) -> Path:
    """Write a kernel."""
    path = folder / "K.safetensors"
    store.save(BlockKernel(("a",), np.arange(float(size)).reshape(1, 1, 1, size, 1)), path)
    return path


WRITERS: dict[str, Writer] = {"record": record, "kernel": kernel}


def on_shelf(folder: Path, monkeypatch: pytest.MonkeyPatch, size: int = 500_000) -> Archive:
    """Put a package with so many bytes that do not compress on a shelf that pip takes for the registry."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    folder.mkdir()
    path = folder / "tinydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("tinydata/numbers", np.random.default_rng(0).bytes(size))
        about = "tinydata-1.0.dist-info"
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n")
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")
    return Archive("tinydata", "1.0", sha256_of(path))
