"""The candidates of the sweep: enough of them, spread, with the default, for models of any depth."""

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from lintune.advise import Candidate, usual_layers
from lintune.studies.sweep import chosen, default
from tests.tiny import pretrained


def model(blocks: int, width: int = 64) -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=8,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=blocks,
        num_attention_heads=2,
    )
    with torch.device("meta"):
        found: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return found


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 12, 30])
def test_candidates_are_distinct_fit_and_hold_the_default(blocks: int) -> None:
    here = model(blocks)
    found = chosen(here)
    assert len(set(found)) == len({each.name for each in found}) == len(found)
    assert default(here) in found
    for each in found:
        each.method(here)
        assert 0 <= each.blocks[0] < each.blocks[1] <= blocks


def test_a_model_of_thirty_blocks_has_enough_that_vary_in_everything() -> None:
    found = chosen(model(30))
    assert len(found) >= 16
    assert len({each.blocks for each in found}) >= 6
    assert {each.layers for each in found} == {"usual", "all"}
    assert {each.kind for each in found} == {"lora", "ia3", "rows"}
    assert len({each.rank for each in found if each.kind == "lora"}) >= 3
    assert len({each.alpha / each.rank for each in found if each.kind == "lora"}) >= 3
    assert {each.pull > 0 for each in found} == {True, False}


def test_those_of_the_same_blocks_follow_each_other() -> None:
    # The frozen blocks are run anew wherever the first tuned block changes.
    first = [each.blocks[0] for each in chosen(model(30))]
    changes = sum(one != two for one, two in zip(first, first[1:], strict=False))
    assert changes == len(set(first)) - 1


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "bert"])
def test_the_default_is_what_most_people_train(name: str) -> None:
    here = pretrained(name).model
    found = default(here)
    assert found == Candidate((0, 2), "usual", "lora", 8, 16.0, 0.0)
    names = found.method(here).sites(here)
    assert {each.rpartition(".")[2] for each in names} == set(usual_layers(here))


def test_without_usual_layers_the_default_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from peft.utils import constants

    monkeypatch.delitem(constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING, "llama")
    here = model(4)
    assert default(here) == Candidate((0, 4), "all")
    assert default(here) in chosen(here)
    assert {each.layers for each in chosen(here)} == {"all"}
