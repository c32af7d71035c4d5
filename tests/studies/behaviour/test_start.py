"""What the study trains: of a fresh head its weight, of a prompt no head, and the top blocks' layers."""

import pytest
import torch

from lintune.descent import Recipe
from lintune.methods.attached import Attached
from lintune.models import Pretrained
from lintune.prompted import HeadedModel, PromptedModel, probed
from lintune.studies.behaviour import HEAD, PROMPT, SGD, Draw, Problem, draw
from lintune.studies.behaviour.study import _Study
from lintune.studies.behaviour.training import network
from tests.studies.behaviour.tiny_tasks import plan, task
from tests.tiny import pretrained

TINY = task(3)
_LLAMA = (
    *(f"self_attn.{part}_proj" for part in "qkvo"),
    *(f"mlp.{part}_proj" for part in ("gate", "up", "down")),
)
_BERT = (
    *(f"attention.self.{part}" for part in ("query", "key", "value")),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
BLOCKS = {"llama": ("model.layers", _LLAMA), "bert": ("bert.encoder.layer", _BERT)}


def few(seed: int = 5) -> Draw:
    return draw(TINY, 3, seed, 9)


def started(model: Pretrained, function: str, depth: int = 1) -> Attached:
    return Attached(*_Study(model, TINY, plan(depth=depth), function)._start(few()))


def top(name: str, depth: int) -> set[str]:
    """Return the names of the weights of the last of two blocks, or of both."""
    blocks, layers = BLOCKS[name]
    return {f"{blocks}.{block}.{layer}:weight" for block in range(2 - depth, 2) for layer in layers}


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", BLOCKS)
def test_of_a_fresh_head_the_weight_is_trained_and_not_the_bias(name: str, depth: int) -> None:
    model = pretrained(name, torch.float32)
    assert set(started(model, HEAD, depth).start) == {"head:weight"} | top(name, depth)


@pytest.mark.parametrize("depth", [1, 2])
def test_of_a_prompt_only_the_top_blocks_are_trained(depth: int) -> None:
    attached = started(pretrained("llama"), PROMPT, depth)
    assert isinstance(attached.prompted, PromptedModel)
    assert set(attached.start) == top("llama", depth)


def test_a_fresh_head_starts_as_the_linear_probe_of_the_training_examples() -> None:
    model = pretrained("llama")
    attached = started(model, HEAD)
    assert isinstance(attached.prompted, HeadedModel)
    probe = probed(model, few().train, 3, longest=32, seed=5)
    logits = probe.predict(few().test)
    assert torch.equal(attached.prompted.predict(few().test), logits)
    assert torch.equal(attached.start["head:weight"], probe.pretrained.model.get_parameter("head.weight"))
    # Of other examples it would be another.
    assert not torch.allclose(probed(model, few(6).train, 3, longest=32).predict(few().test), logits)


def test_training_moves_the_head() -> None:
    start = _Study(pretrained("llama"), TINY, plan(), HEAD)._start(few())
    problem = Problem.of(*start, few(), (SGD,))
    away = network(problem, Recipe(1e-3, 2, loss="cross-entropy"))[2]
    assert away is not None
    assert away["head:weight"].norm() > 0
