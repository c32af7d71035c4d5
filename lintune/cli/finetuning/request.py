"""What was asked of `lintune finetune`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Request:
    """What was asked for, with the names and meanings that the command's options have.

    Attributes:
        options: Options of the method that have an option of their own, by its name.
        extra: Others, as `field=value`.
        learning_rate: None for the best of five.
        batch: None for all examples.
    """

    task: str
    model: str
    kind: Literal["causal", "masked"] | None
    method: str
    options: Mapping[str, object]
    extra: tuple[str, ...]
    depth: int | None
    optimizer: Literal["adam", "sgd", "signgd"]
    learning_rate: float | None
    steps: int
    batch: int | None
    strength: float
    shots: int
    validation_shots: int | None
    seed: int
    test_examples: int
    longest: int
    device: str
    dtype: str
    peft: bool
    merged: bool
