"""A tiny model, its layers, and a few sentences that the tests of this folder share."""

from functools import cache

from lintune.prompted import PromptedModel
from lintune.studies import rocoft as study
from lintune.tangents import top_layers
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

TASK = task(2)
TEXTS = TASK.train.take(range(5))


@cache
def prompted() -> PromptedModel:
    # All in float64, with layers of different widths.
    return PromptedModel(pretrained("gpt2-conv1d"), TASK.prompt, longest=32)


@cache
def layers() -> dict[str, study.Layer]:
    return study.look(prompted(), TEXTS, top_layers(prompted().pretrained.model, 1), theories=True)


@cache
def problem() -> study.Problem:
    return study.Problem.of(prompted(), TASK, 1, shots=3, validation_shots=2, seeds=[0, 1], test_examples=9)
