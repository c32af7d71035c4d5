"""What was asked of `lintune diagnose`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lintune.models.load import Kind


@dataclass(frozen=True)
class Request:
    """What was asked for, with the names and meanings that the command's options have.

    Attributes:
        task: Name or task file.
        model: Name, hub id or folder.
        kind: What the model is; None for what its configuration says.
        functions: By function, `prompt` and `fresh head`, the optimisers that train it.
        shots: Training examples per class; as many again are drawn to choose learning rates by.
        seeds: Seeds of the draws.
        test_examples: Test examples, at most.
        depth: How many blocks are trained, from the top.
        steps: Updates of a run.
        batch: Examples in a step; None for all.
        longest: Prompts are cut to this many tokens.
        device: Where the model runs.
        dtype: Type of its weights.
    """

    task: str
    model: str
    kind: Kind | None
    functions: Mapping[str, tuple[str, ...]]
    shots: int
    seeds: tuple[int, ...]
    test_examples: int
    depth: int
    steps: int
    batch: int | None
    longest: int
    device: str
    dtype: str


@dataclass(frozen=True, eq=False)
class Setting:
    """What the request came to on this task and model, as the report says it.

    Attributes:
        task: Name of the task.
        title: Its title.
        metric: How predictions are scored.
        classes: `(C,)` names of the classes.
        template: Template of the prompt; None where none was asked for.
        words: `(C,)` label words; None likewise.
        rates: Learning rates that were tried, by optimiser, in the units of the study.
        at_hand: `(C,)` training examples of each class to draw from.
        tested: `(C,)` test examples of each class.
        weights: Fingerprint of the model's weights.
        data: Hash of the task's texts and labels.
    """

    task: str
    title: str
    metric: str
    classes: tuple[str, ...]
    template: str | None
    words: tuple[str, ...] | None
    rates: Mapping[str, tuple[float, ...]]
    at_hand: tuple[int, ...]
    tested: tuple[int, ...]
    weights: str
    data: str

    def parameters(self, request: Request) -> dict[str, Any]:
        """Return what led to the numbers, for the record."""
        return {
            **vars(request),
            "test_examples": sum(self.tested),
            "test_examples_asked": request.test_examples,
            "metric": self.metric,
            "template": self.template,
            "words": self.words,
            "rates": self.rates,
        }
