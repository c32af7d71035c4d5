"""Which places of a model are found, and what is said where a pattern finds none."""

import pytest
import torch
from torch import nn

from lintune.errors import InputError
from lintune.tangents import all_sites, is_tied, select, top_layers, tunable_layers, uncovered
from tests.tiny import ARCHITECTURES, pretrained


def test_linear_layers_inside_the_blocks_and_no_others() -> None:
    names = list(tunable_layers(pretrained("llama").model))
    assert len(names) == 2 * 7
    assert all(name.startswith("model.layers.") for name in names)


def test_top_layers_are_those_of_the_last_blocks() -> None:
    model = pretrained("llama").model
    assert set(top_layers(model, 1)) == {name for name in tunable_layers(model) if ".1." in name}
    assert set(top_layers(model, 2)) == set(tunable_layers(model))
    with pytest.raises(InputError, match="depth=3 must be from 1 to 2"):
        top_layers(model, 3)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_parameter_of_every_architecture_belongs_to_one_site(name: str) -> None:
    model = pretrained(name).model
    assert uncovered(model) == []
    owned = [id(p) for site in all_sites(model).values() for p in site.parameters.values()]
    assert sorted(owned) == sorted({id(p) for p in model.parameters()})


def test_a_tied_head_has_its_own_bias_only() -> None:
    model = pretrained("bert").model
    assert is_tied(model)
    heads = [site for site in all_sites(model).values() if site.kind == "head"]
    assert [list(head.parameters) for head in heads] == [["bias"]]
    assert not [site for site in all_sites(pretrained("qwen2").model).values() if site.kind == "head"]


def test_a_parameter_of_unknown_kind_is_named() -> None:
    model = nn.Module()
    model.blocks = nn.ModuleList([nn.Linear(2, 2)])
    model.mixture = nn.Parameter(torch.zeros(2, 2, 2))
    model.get_output_embeddings = lambda: None  # type: ignore[assignment]
    assert uncovered(model) == ["mixture"]  # type: ignore[arg-type]


def test_patterns_add_up_and_keep_the_order_of_the_network() -> None:
    chosen = list(select(tunable_layers(pretrained("llama").model), ("*.v_proj", "model.layers.0.*.q_proj")))
    assert chosen == [
        "model.layers.0.self_attn.q_proj",
        "model.layers.0.self_attn.v_proj",
        "model.layers.1.self_attn.v_proj",
    ]


def test_pattern_that_matches_nothing_names_what_there_is() -> None:
    with pytest.raises(InputError, match=r"'\*\.query'.*q_proj"):
        select(tunable_layers(pretrained("llama").model), ("*.v_proj", "*.query"))


def test_model_without_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="no list of repeated blocks"):
        tunable_layers(nn.Linear(2, 2))  # type: ignore[arg-type]
