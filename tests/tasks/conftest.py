"""What the tests of the tasks share: a small task of made-up texts."""

from collections.abc import Callable

import pytest

from lintune.tasks import Examples, Prompt, Source, Task


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """Return a function that makes a task with given numbers of examples per class."""

    def make(train: tuple[int, ...] = (6, 4), test: tuple[int, ...] = (3, 3)) -> Task:
        return Task(
            name="toy",
            title="Toy",
            classes=tuple(f"class {label}" for label in range(len(train))),
            prompt=Prompt("{text} It was {label}.", tuple(f"word{label}" for label in range(len(train)))),
            train=_examples("train", train),
            test=_examples("test", test),
            source=Source("none", "", "made up", "0" * 64),
        )

    return make


def _examples(split: str, counts: tuple[int, ...]) -> Examples:
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    return Examples.from_columns({"text": [f"{split} {place}" for place in range(len(labels))]}, labels)
