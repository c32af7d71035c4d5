"""Records made for a check to read, and what it finds in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lintune import records
from lintune.claims import Claim, Evidence, Finding, judged


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


def finding(claim: Claim, folder: Path, name: str, data: Mapping[str, Any], **parameters: Any) -> Finding:
    """Return what a claim finds where one more record is there, of a chapter or a reference grid alike."""
    record(folder, name, data, **parameters)
    evidence = Evidence(folder, folder)
    found = judged(claim, evidence)
    # The next check gets the same data, so this one must have left them as they are on disk.
    assert evidence.read == {read: records.read(folder / f"{read}.json") for read in evidence.read}
    return found


def methods(scores: Mapping[str, float]) -> dict[str, Any]:
    """Return runs of methods on one task, whose test scores are these up to a little noise."""
    rng = np.random.default_rng(0)
    rows = [
        {"what": "run", "method": name, "task": "mr", "seed": draw, "test_loss": 0.5}
        | {"test_score": score + float(rng.normal(0, 1e-3))}
        for name, score in scores.items()
        for draw in range(5)
    ]
    return {"rows": rows}
