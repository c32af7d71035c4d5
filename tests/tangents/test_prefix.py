"""The frozen prefix: found right, its states give the model's own answers, and nothing is left behind."""

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from lintune.prompted import Classifier, Encoded, PromptedModel
from lintune.tangents import Site, all_sites, blocks_of
from lintune.tangents.prefix import Prefix
from tests.kernels.test_engine import TEXTS, examples, function
from tests.tiny import ARCHITECTURES


def sites_of(prompted: PromptedModel, block: int | None = None, kind: str = "linear") -> list[Site]:
    sites = all_sites(prompted.pretrained.model).values()
    return [site for site in sites if site.kind == kind and site.block == block]


def prefix_of(name: str) -> tuple[PromptedModel, Prefix, list[Encoded]]:
    """Return a model of two blocks, its first block as the prefix, and some prompts."""
    prompted = function(name)
    prompts = prompted.encode(examples(TEXTS))
    return prompted, Prefix(prompted, sites_of(prompted, 1)), prompts


def layouts(prompted: Classifier) -> list[bool]:
    """Return the layouts that a model can be run in: packed or not."""
    return [False, True] if prompted.packs else [False]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_outputs_from_stored_states_are_the_models_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prompted, prefix, prompts = prefix_of(name)
    for packs in layouts(prompted):
        monkeypatch.setattr(prompted, "packs", packs)
        with torch.no_grad():
            expected = prompted.logits(prompted.lay_out(prompts))
            states = prefix.states(prompts)
            assert [len(state) for state in states] == [len(prompt.ids) for prompt in prompts]
            for rows in ([0, 1, 2, 3, 4], [3, 1], [2], [4, 0, 4]):
                found = recalled(prompted, prefix, prompts, states, rows)
                torch.testing.assert_close(found, expected[rows], rtol=0, atol=1e-5)


def recalled(
    prompted: PromptedModel,
    prefix: Prefix,
    prompts: Sequence[Encoded],
    states: Sequence[torch.Tensor],
    rows: Sequence[int],
) -> torch.Tensor:
    batch = prompted.lay_out([prompts[row] for row in rows])
    with prefix.recalled(batch, [states[row] for row in rows]):
        return prompted.logits(batch)


@pytest.mark.parametrize("name", ["falcon-in-place", "bloom-alibi", "opt"])
def test_states_serve_another_prefix_of_the_same_depth(name: str) -> None:
    prompted, prefix, prompts = prefix_of(name)
    states, (_, another, _) = prefix.states(prompts), prefix_of(name)
    with torch.no_grad():
        found = recalled(prompted, another, prompts, states, [2, 0])
        assert torch.equal(found, recalled(prompted, prefix, prompts, states, [2, 0]))


@pytest.mark.parametrize("batch_tokens", [1, 15, 1000])
def test_states_do_not_depend_on_the_batches(batch_tokens: int) -> None:
    _, prefix, prompts = prefix_of("opt")
    for found, expected in zip(prefix.states(prompts, batch_tokens), prefix.states(prompts), strict=True):
        torch.testing.assert_close(found, expected)


def test_the_prefix_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    prompted, prefix, prompts = prefix_of("gpt2-conv1d")
    states = prefix.states(prompts)
    ran: list[int] = []
    handles = [
        block.get_submodule("mlp").register_forward_hook(lambda *_given, place=place: ran.append(place))
        for place, block in enumerate(blocks_of(prompted.pretrained.model))
    ]
    try:
        with torch.no_grad():
            recalled(prompted, prefix, prompts, states, [0])
            assert ran == [1]
            ran.clear()
            prefix.states(prompts)
            assert ran == [0]
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize("name", ["llama", "gemma2-softcap", "bloom-alibi", "roberta"])
def test_the_model_is_left_as_it_was(name: str) -> None:
    prompted, prefix, prompts = prefix_of(name)
    model = prompted.pretrained.model
    before, traces = prompted.predict(examples(TEXTS)), left_behind(model)
    states = prefix.states(prompts)
    assert left_behind(model) == traces
    with torch.no_grad():
        recalled(prompted, prefix, prompts, states, [0, 1])
    assert left_behind(model) == traces

    def fail_inside() -> None:
        with prefix.recalled(prompted.lay_out(prompts), states):
            assert left_behind(model) != traces
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert left_behind(model) == traces
    assert torch.equal(prompted.predict(examples(TEXTS)), before)


def test_the_model_is_left_as_it_was_where_computing_states_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    prompted, prefix, prompts = prefix_of("llama")
    traces = left_behind(prompted.pretrained.model)
    first = prompted.pretrained.model.get_submodule("model.layers.0.mlp")

    def fail(*_given: object) -> None:
        raise MemoryError

    handle = first.register_forward_hook(fail)
    with pytest.raises(MemoryError):
        prefix.states(prompts)
    handle.remove()
    assert left_behind(prompted.pretrained.model) == traces


def left_behind(model: nn.Module) -> list[tuple[str, bool, int]]:
    """Return what a prefix could leave in a model: replaced functions and hooks."""
    return [
        (name, "forward" in vars(module), len(module._forward_hooks) + len(module._forward_pre_hooks))
        for name, module in model.named_modules()
    ]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_its_depth_is_that_of_the_lowest_tuned_block(name: str) -> None:
    prompted = function(name)
    first, second = sites_of(prompted, 0), sites_of(prompted, 1)
    assert Prefix(prompted, second).depth == 1
    assert Prefix(prompted, first).depth == 0
    assert Prefix(prompted, [*second, *first]).depth == 0
    assert Prefix(prompted, sites_of(prompted, kind="table")).depth == 0
    assert Prefix(prompted, [*second, *sites_of(prompted, kind="table")]).depth == 0
    assert Prefix(prompted, []).depth == 0
    heads = sites_of(prompted, kind="head")
    if heads:
        assert Prefix(prompted, heads).depth == 1
        assert Prefix(prompted, [*heads, *first]).depth == 0


def test_what_lies_after_the_blocks_counts_as_before_them() -> None:
    """A final norm keeps no prefix: slower than it could be, never wrong."""
    prompted = function("llama")
    assert Prefix(prompted, sites_of(prompted, kind="norm")).depth == 0
