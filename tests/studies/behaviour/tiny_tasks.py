"""Tiny tasks of two and three classes, in the words of the tiny models, and plans that fit them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lintune.studies.behaviour import HEAD, PROMPT, Effort, Plan
from lintune.tasks import Examples, Prompt, Source, Task

_PLAIN = ("the", "film", "was", "this", "story", "of", "one", "actor", "and", "music")
_TELLING = (
    ("bad", "terrible", "sad", "dull"),
    ("good", "great", "funny", "bright"),
    ("long", "short", "plot"),
)
RATES = {"sgd": (1.0, 16.0), "signgd": (0.1, 1.0), "adam": (0.1, 1.0)}
_WORDS = ("terrible", "great", "long")


def examples(seed: int, n: int, classes: int) -> Examples:
    """Return n distinct sentences whose class is that of their only telling word, in turns."""
    rng = np.random.default_rng(seed)
    texts: dict[str, int] = {}
    while len(texts) < n:
        label = len(texts) % classes
        text = f"{' '.join(rng.choice(_PLAIN, 4))} {rng.choice(_TELLING[label])}"
        texts.setdefault(text, label)
    return Examples(tuple({"text": text} for text in texts), np.array(list(texts.values())))


def task(classes: int = 2) -> Task:
    """Return a task."""
    return Task(
        "tiny",
        "Tiny",
        tuple(f"class {label}" for label in range(classes)),
        Prompt("{text} . it was {label} .", _WORDS[:classes]),
        examples(0, 30 * classes, classes),
        examples(1, 30, classes),
        Source("none", "", "made by the test", "0"),
    )


def plan(optimisers: Mapping[str, Sequence[str]] | None = None, **more: Any) -> Plan:
    """Return a plan of a few steps on a few examples; both functions and all optimisers if not told."""
    every = ("sgd", "signgd", "adam")
    small: dict[str, Any] = {
        "depth": 1,
        "shots": 3,
        "test_examples": 9,
        "effort": Effort(steps=3, batch=4, rates=RATES),
        "turned_shots": 2,
        "longest": 32,
    }
    return Plan({PROMPT: every, HEAD: every} if optimisers is None else optimisers, **(small | more))
