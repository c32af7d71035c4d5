"""Records made for a check to read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lintune import records


def record(folder: Path, name: str, data: Mapping[str, Any], **parameters: Any) -> None:
    """Write a record of these data, of a chapter or of a reference grid alike."""
    records.write(
        name,
        data,
        parameters=parameters,
        inputs={"model tiny": "0", "task mr": "1"},
        device="cpu",
        dtype="float32",
        stopwatch=records.Stopwatch(),
        path=folder / f"{name}.json",
    )
