"""Merging: all weights or none."""

import copy

import pytest
import torch

from lintune.adapters import merge
from lintune.errors import InputError
from lintune.methods import DoRA, Full, LoRA, ParallelAdapter
from tests.adapters.zoo import fresh, logits, moved, same


def test_the_parallel_adapter_is_refused_before_anything_changes() -> None:
    model = fresh("llama")
    state = copy.deepcopy(model.state_dict())
    method = ParallelAdapter(rank=2)
    with pytest.raises(InputError, match="which no weight does"):
        merge(model, method, moved(model, method))
    same(dict(model.state_dict()), state)


def test_one_wrong_layer_changes_none() -> None:
    """The last layer's direction has norm 0, so that DoRA divides by it."""
    model = fresh("llama")
    method = DoRA(rank=2)
    values = moved(model, method)
    *_, last = method.sites(model)
    model.get_submodule(last).get_parameter("weight").data[0] = 0
    values[f"{last}:B"][0] = 0
    state = copy.deepcopy(model.state_dict())
    with pytest.raises(InputError, match="may not be finite"):
        merge(model, method, values)
    same(dict(model.state_dict()), state)


@pytest.mark.parametrize("architecture", ["qwen2", "bert"])
def test_a_tied_weight_is_merged_once_and_stays_tied(architecture: str) -> None:
    model = fresh(architecture)
    values = moved(model, Full())
    merge(model, Full(), values)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    (name,) = (name for name, m in model.named_modules() if m is model.get_input_embeddings())
    assert torch.equal(model.get_parameter(f"{name}.weight"), values[f"{name}:weight"])


def test_values_of_another_type_are_taken_to_the_models() -> None:
    model, method = fresh("llama"), LoRA(rank=2)
    values = moved(model, method)
    merge(model, method, {name: value.float() for name, value in values.items()})
    other = fresh("llama")
    merge(other, method, values)
    assert next(model.parameters()).dtype == torch.float64
    torch.testing.assert_close(logits(model), logits(other), rtol=0, atol=1e-5)
