"""Layers: peft's own choice, all of a block, and runs of blocks that are there."""

import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer

from lintune.advise import has_usual_layers, layers, layers_in, runs, usual_layers
from lintune.errors import InputError
from lintune.tangents import tunable_layers
from tests.tiny import pretrained


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "opt", "gpt-neox", "bert"])
def test_usual_layers_are_those_that_peft_chooses_by_itself(name: str) -> None:
    model = pretrained(name).model
    wrapped = get_peft_model(copy.deepcopy(model), LoraConfig(fan_in_fan_out=name == "gpt2-conv1d"))
    chosen = {
        each.removeprefix("base_model.model.")
        for each, module in wrapped.named_modules()
        if isinstance(module, LoraLayer)
    }
    # peft may also choose by the last part of a name outside the blocks; here it does not.
    assert set(layers_in(model, (0, 2), "usual")) == chosen
    assert has_usual_layers(model)


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "opt", "bert"])
def test_all_layers_of_a_run_are_its_blocks_layers_and_runs_add_up(name: str) -> None:
    model = pretrained(name).model
    first, second = (layers_in(model, blocks, "all") for blocks in ((0, 1), (1, 2)))
    assert first
    assert not set(first) & set(second)
    assert {*first, *second} == set(layers_in(model, (0, 2), "all")) == set(tunable_layers(model))
    assert set(layers_in(model, (1, 2), "usual")) < set(second)


@pytest.mark.parametrize("blocks", [(0, 3), (1, 1), (-1, 1), (2, 1)])
def test_blocks_that_are_not_there_are_refused(blocks: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"must be a run within the model's 2 blocks"):
        layers_in(pretrained("llama").model, blocks, "all")


def test_an_architecture_that_peft_does_not_know_has_no_usual_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    from peft.utils import constants

    monkeypatch.delitem(constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING, "llama")
    model = pretrained("llama").model
    assert not has_usual_layers(model)
    with pytest.raises(InputError, match="'llama'; use layers='all'"):
        usual_layers(model)


def test_where_usual_layers_are_all_there_are_they_are_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    from peft.utils import constants

    model = pretrained("llama").model
    last = {name.rpartition(".")[2] for name in tunable_layers(model)}
    known = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    monkeypatch.setitem(known, "llama", sorted(last))
    assert not has_usual_layers(model)
    assert layers_in(model, (0, 2), "usual") == layers_in(model, (0, 2), "all")


def test_a_model_without_linear_layers_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "tunable_layers", lambda _: {})
    with pytest.raises(InputError, match=r"blocks=\(0, 2\) of LlamaForCausalLM have no linear layers"):
        layers_in(pretrained("llama").model, (0, 2), "all")


@given(st.integers(1, 200))
def test_runs_are_distinct_there_and_hold_the_last_block_and_all(total: int) -> None:
    found = runs(total)
    assert len(set(found)) == len(found)
    assert all(0 <= first < end <= total for first, end in found)
    assert {(total - 1, total), (0, total)} <= set(found)
    assert found[-1] == (0, total) or total < 3
    for share in (0.1, 0.25, 0.5):  # at least that share, by less than a block
        assert (total - math.ceil(total * share), total) in found


def test_the_runs_of_a_model_of_thirty_blocks() -> None:
    assert runs(30) == ((29, 30), (27, 30), (22, 30), (15, 30), (10, 20), (0, 30))
