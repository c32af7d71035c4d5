"""The methods that are compared: on the same layers, with new ones found by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lintune.errors import InputError
from lintune.methods import METHODS, Rows, count_parameters, register
from lintune.studies.comparison import BASE, compared
from lintune.tangents import top_layers
from tests.tiny import pretrained


@pytest.fixture
def added() -> Iterator[str]:
    @register("rows-again")
    @dataclass(frozen=True)
    class Again(Rows):
        pass

    yield "rows-again"
    del METHODS["rows-again"]


@pytest.mark.parametrize("model", ["llama", "gpt2-conv1d", "bert"])
def test_all_are_on_the_linear_layers_of_the_top_blocks(model: str) -> None:
    model_ = pretrained(model).model
    found = compared(model_, 1, rank=2)
    layers = set(top_layers(model_, 1))
    assert BASE in found
    for name, method in found.items():
        sites = method.sites(model_)
        if name not in ("norms", "biases"):
            assert set(sites) == layers, name
        assert {site.block for site in sites.values()} == {1}, name
    assert all(site.kind == "norm" for site in found["norms"].sites(model_).values())
    # The tiny llama is the only one of the three without biases.
    assert ("biases" in found) == (model != "llama")


def test_scales_and_budgets_are_alike() -> None:
    model = pretrained("llama").model
    found = compared(model, 2, rank=4, count=3)
    low = [method for method in found.values() if hasattr(method, "alpha")]
    assert len(low) == 10
    assert {method.alpha / method.rank for method in low} == {2.0}  # type: ignore[attr-defined]
    sizes = {name: count_parameters(method, model) for name, method in found.items()}
    assert abs(sizes["entries"] - sizes["rows 3"]) <= len(top_layers(model, 2)) / 2
    (small,) = [name for name in found if name.startswith("LoRA, rank")]
    rank = int(small.rpartition(" ")[2])
    one = sizes[small] / rank
    ratios = [max(sizes["rows 3"] / (r * one), r * one / sizes["rows 3"]) for r in (1, 2, 3, 4)]
    assert rank == 1 + ratios.index(min(ratios))


def test_a_method_that_is_registered_is_compared(added: str) -> None:
    model = pretrained("llama").model
    found = compared(model, 1, rank=2)
    assert set(found[added].sites(model)) == set(top_layers(model, 1))
    assert list(compared(model, 1, rank=2, names=[added, "SSL"])) == [added, "SSL"]


def test_every_registered_method_is_there() -> None:
    model = pretrained("gpt2-conv1d").model
    kinds = {type(method) for method in compared(model, 1, rank=2).values()}
    assert {name for name, made in METHODS.items() if made not in kinds} == {"full"}


def test_unknown_names_and_sizes_that_do_not_fit_are_refused() -> None:
    model = pretrained("llama").model
    with pytest.raises(InputError, match="names='SSLL' is not known"):
        compared(model, 1, rank=2, names=["SSLL"])
    with pytest.raises(InputError, match="depth=3 must be from 1 to 2"):
        compared(model, 3)
    with pytest.raises(InputError, match="rank=64 exceeds"):
        compared(model, 1, rank=64)
