"""Which layers are found, and what is said where a pattern finds none."""

import pytest
from torch import nn

from lintune.errors import InputError
from lintune.tangents import select_layers, tunable_layers
from tests.tiny import pretrained


def test_linear_layers_inside_the_blocks_and_no_others() -> None:
    names = list(tunable_layers(pretrained("llama").model))
    assert len(names) == 2 * 7
    assert all(name.startswith("model.layers.") for name in names)
    assert "lm_head" not in names


def test_patterns_add_up_and_keep_the_order_of_the_network() -> None:
    model = pretrained("llama").model
    chosen = list(select_layers(model, ("*.v_proj", "model.layers.0.*.q_proj")))
    assert chosen == [
        "model.layers.0.self_attn.q_proj",
        "model.layers.0.self_attn.v_proj",
        "model.layers.1.self_attn.v_proj",
    ]


def test_pattern_that_matches_nothing_names_what_there_is() -> None:
    with pytest.raises(InputError, match=r"'\*\.query'.*q_proj"):
        select_layers(pretrained("llama").model, ("*.v_proj", "*.query"))


def test_model_without_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="no list of repeated blocks"):
        select_layers(nn.Linear(2, 2))
