"""Sizes are those of the model itself, read off without weights."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from lintune.methods import METHODS, Biases, LoRA
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.studies.cell_costs import Sizes, frozen_blocks
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"biases", "vera"}))
def test_frozen_blocks_and_trained_numbers_are_those_of_an_attached_method(name: str) -> None:
    tiny = pretrained("llama", torch.float32)
    method = METHODS[name](**({"rank": 2} if hasattr(METHODS[name], "rank") else {}))
    attached = Attached(PromptedModel(tiny, task().prompt_for("causal"), 32), method)
    sizes = Sizes.of(tiny.model, method, name, 2)
    assert (
        sizes.frozen == attached.frozen_blocks == frozen_blocks(tiny.model, method.sites(tiny.model).values())
    )
    assert sizes.trained == sum(value.numel() for value in attached.start.values())


def test_a_model_without_weights_has_the_same_sizes() -> None:
    tiny = pretrained("llama", torch.float32)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(tiny.model.config, dtype=torch.float32)
    method = LoRA(2, 4.0, ("model.layers.1.*",))
    found = Sizes.of(empty, method, "lora", 3)
    assert found == Sizes.of(tiny.model, method, "lora", 3)
    assert (found.frozen, found.tuned, found.outputs, found.itemsize) == (1, 1, 2, 4)
    assert found.frozen_weights == found.tuned_weights  # of one block each
    assert found.parameters == sum(parameter.numel() for parameter in tiny.model.parameters())


def test_biases_of_a_model_with_biases() -> None:
    tiny = pretrained("opt", torch.float32)
    assert Sizes.of(tiny.model, Biases(), "biases", 2).trained > 0
